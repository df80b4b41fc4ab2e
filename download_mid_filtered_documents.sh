#!/usr/bin/env bash
# Downloads the filtered document types of the MID portal: stage-mid-filtered, with the settings that
# the environment gives. Usage: download_mid_filtered_documents.sh [--workers N] [--dry-run] [OPTION]…
# (all options of `conveyor run`).
#
#   index    CONVEYOR_INDEX, else DATABASE_URL, else DB_HOST, DB_PORT, DB_NAME and DB_USER; the
#            password stays in DB_PASSWORD, where the tools read it
#   bucket   CONVEYOR_TO, else GCS_BUCKET_NAME; credentials are GOOGLE_APPLICATION_CREDENTIALS
set -euo pipefail

server=${DB_USER:+$DB_USER@}${DB_HOST:-127.0.0.1}:${DB_PORT:-5432}
export CONVEYOR_INDEX=${CONVEYOR_INDEX:-${DATABASE_URL:-postgres://$server/${DB_NAME:-madison_county_index}}}
export CONVEYOR_TO=${CONVEYOR_TO:-gs://${GCS_BUCKET_NAME:-madison-county-title-plant}}

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
exec "$here/bin/conveyor" run --stage stage-mid-filtered "$@"
