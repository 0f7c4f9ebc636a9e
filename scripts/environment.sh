# Sourced by scripts/demo, scripts/test and scripts/bench: makes .venv in the checkout and installs the project into it.
# Needs nothing but Python 3.11 or newer. Set PYTHON to choose the interpreter, PINAKES_VENV to choose another folder.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=${PINAKES_VENV:-$root/.venv}

find_python() {
    for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3; do
        if "$candidate" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    echo "Pinakes needs Python 3.11 or newer; set PYTHON=/path/to/python3." >&2
    return 1
}

# install EXTRAS: installs the checkout with these extras, again only when pyproject.toml changed.
install() {
    if [ ! -x "$venv/bin/python" ]; then
        python=$(find_python)
        echo "Making $venv with $python" >&2
        "$python" -m venv "$venv" || {
            echo "The venv module is missing (on Debian: apt-get install python3-venv)." >&2
            return 1
        }
    fi
    stamp="$venv/.installed-$(echo "$1" | tr ',' '-')"
    if [ ! -e "$stamp" ] || [ "$root/pyproject.toml" -nt "$stamp" ]; then
        echo "Installing Pinakes and its libraries into $venv (a few minutes the first time)" >&2
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$root[$1]"
        touch "$stamp"
    fi
}
