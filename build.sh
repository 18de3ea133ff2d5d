#!/bin/sh
# Builds the Lambda layers: dist/<arch>/ (what becomes /opt) and dist/faultlayer-<arch>.zip.
# A thin front for layer/__main__.py; PYTHON says which interpreter runs it.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
python=${PYTHON:-}
if [ -z "$python" ]; then
  python=$root/.venv/bin/python
  [ -x "$python" ] || python=python3
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
  echo "build.sh: needs Python 3.10 or later, which $python is not" >&2
  exit 1
fi
export PYTHONPATH="$root" PYTHONDONTWRITEBYTECODE=1
exec "$python" "$root/layer/__main__.py" "$@"  # not -m: the current folder may hold a layer/ too
