#!/usr/bin/env bash
# Makes the Python environment that the tests run Celery and Django in: `.python/`, with what
# python/requirements-test.txt lists, from pip's registry. Safe to run again: what is there is left as it is.
#
# PYTHON names another interpreter than python3 to make it with. PETIOLE_PYTHON names an interpreter that has all of it
# already: then nothing is made.
set -euo pipefail
cd "$(dirname "$0")/.."
requirements=python/requirements-test.txt

if [ -n "${PETIOLE_PYTHON:-}" ]; then
  "$PETIOLE_PYTHON" -c "import celery, django, pytest" || {
    echo "PETIOLE_PYTHON is $PETIOLE_PYTHON, which lacks what $requirements lists." >&2
    exit 1
  }
  echo "python is there: $PETIOLE_PYTHON"
  exit 0
fi
# The list that was installed is kept beside what it brought.
if [ -x .python/bin/python ] && cmp -s "$requirements" .python/requirements.txt; then
  echo "python is there: .python/bin/python"
  exit 0
fi
python=${PYTHON:-python3}
if ! "$python" -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  if [ "$(id -u)" = 0 ] && grep -qs '^ID=debian$' /etc/os-release; then
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=400 -q update
    DEBIAN_FRONTEND=noninteractive \
      apt-get -o DPkg::Lock::Timeout=400 -q install --yes --no-install-recommends python3 python3-venv
  else
    echo "Python 3.10 or later with its venv module is missing ($python). Install it, or set PYTHON to it." >&2
    exit 1
  fi
fi
rm -rf .python
"$python" -m venv .python
.python/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" .python/requirements.txt
echo "python was made: .python/bin/python"
