"""The embedded host: one PostgreSQL, one web process, one worker process, watched by one more.

host.py supervises; web.py and worker.py are what it starts; prepare.py brings the databases up to
date; lock.py tells a running host from a left-over one.
"""
