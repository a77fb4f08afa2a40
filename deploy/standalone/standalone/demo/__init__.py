"""The demo company: made up from a seed, loaded through the gateway like anybody's data.

company.py, pipeline.py, library.py and pay.py generate facts and know nothing of HTTP; loading.py
sends them; expected.py counts them independently, and checking.py compares that with the gateway.
"""
