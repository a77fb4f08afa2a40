#!/bin/sh
# Makes the two roles that the services use; the postgres image runs it once, on an empty volume.
# Rights on tables are granted by the migrations.
set -eu
psql --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
    --set app="$ONEFUNNEL_APP_PASSWORD" --set worker="$ONEFUNNEL_WORKER_PASSWORD" <<'SQL'
CREATE ROLE onefunnel_app LOGIN NOBYPASSRLS PASSWORD :'app';
CREATE ROLE onefunnel_worker LOGIN BYPASSRLS PASSWORD :'worker';
SQL
