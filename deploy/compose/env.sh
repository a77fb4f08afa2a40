#!/bin/sh
# Writes the environment file of docker-compose.yml: a random value for every variable that it demands.
#
#   env.sh FILE       writes FILE, readable by its owner alone; refuses where there is one already
#   env.sh --example  prints what such a file holds, without values
set -eu
compose=$(dirname "$0")/../../docker-compose.yml
demanded=$(grep -o '\${[A-Z_]*:?' "$compose" | tr -dc 'A-Z_\n' | sort -u)

write() { # $1: a command that prints a value
    echo "# Secrets of this installation. Made by \`make compose-env\`; back it up with the databases."
    for name in $demanded; do
        echo "$name=$($1)"
    done
    echo
    echo "# What may be set besides:"
    echo "# ONEFUNNEL_VERSION=0.1.0"
    echo "# ONEFUNNEL_PUBLISH=127.0.0.1:8080"
    echo "# ONEFUNNEL_CRM_HOSTS=crm.example   CRMs of your own, by comma"
    echo "# ONEFUNNEL_WEBHOOK_DAYS=14"
    echo "# ONEFUNNEL_PUBLIC_URL=https://funnel.example   as CRMs know the gateway"
    echo "# ONEFUNNEL_FRONTENDS=https://app.example   origins whose pages may use the API, by comma"
    echo "# ONEFUNNEL_KAFKA_PREFIX="
    echo "# OTEL_EXPORTER_OTLP_ENDPOINT=http://jaeger:4318   with profile full or observability"
}

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

if [ "${1:?a file to write, or --example}" = --example ]; then
    write true
    exit
fi
if [ -e "$1" ]; then
    echo "$1 is there already; its secrets are those of the databases. Remove it by hand if you mean it." >&2
    exit 1
fi
umask 077
write random > "$1.new"
mv "$1.new" "$1"
echo "wrote $1"
