#!/usr/bin/env bash
# Installs what the tests use and npm does not bring: servers from Debian's packages, and a Python environment. Safe to
# run again: what is there is left as it is.
set -euo pipefail

bash "$(dirname "$0")/setup-python.sh"

# The Debian package; the program that it brings; the variable that names another program (or a folder of them) to use in
# its place.
postgres=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
services=(
  "chromium /usr/bin/chromium CHROMIUM_PATH"
  "redis-server /usr/bin/redis-server REDIS_SERVER"
  "rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server RABBITMQ_SERVER"
  "postgresql ${postgres:-/usr/lib/postgresql/15/bin}/postgres POSTGRES_BIN"
)

missing=""
for service in "${services[@]}"; do
  read -r package program variable <<<"$service"
  if [ -x "${!variable:-$program}" ]; then
    echo "$package is there: ${!variable:-$program}"
  else
    missing+=" $package"
    echo "$package is missing. Without Debian: install it as your system does, and set $variable to its program;" \
      "or use the servers of compose.yaml."
  fi
done
if [ -z "$missing" ]; then exit 0; fi

if ! grep -qs '^ID=debian$' /etc/os-release; then
  echo "This is not Debian, so nothing was installed. See above." >&2
  exit 1
fi
if [ "$(id -u)" != 0 ]; then
  echo "Only root can install packages. Run: sudo bash scripts/setup-services.sh" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Another apt-get may be at work: wait for it, rather than fail. `install` does so when told; `update` does not.
for waited in {0..400..5}; do
  if refusal=$(apt-get -q update 2>&1); then break; fi
  if [[ $refusal != *"Could not get lock"* ]] || [ "$waited" = 400 ]; then
    echo "$refusal" >&2
    exit 1
  fi
  sleep 5
done
# shellcheck disable=SC2086 # The names are words of their own.
apt-get -o DPkg::Lock::Timeout=400 -q install --yes --no-install-recommends $missing
