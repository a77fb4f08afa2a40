"""`onefunnel import`: a file and a mapping become commands at the gateway.

mapping file ─▶ language (parsed, line-precise) ─▶ check (every row of every set, nothing written)
             ─▶ commands (row → batch item) ─▶ sending (batches, retries) ─▶ report
No module here knows a data set; what a column means is said by the mapping alone.
"""
