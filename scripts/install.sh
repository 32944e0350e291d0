#!/bin/sh
# scripts/install.sh run    makes .venv and installs neko with the embedded engine and echo cancelling
# scripts/install.sh test   the same, plus linters, test tools, and the environments .venv-sdk (the
#                           official SDKs) and .venv-models (optional ears and voices)
#
# Does nothing (a few milliseconds) when what decides the installation has not changed since.
set -eu
cd "$(dirname "$0")/.."
what=${1:-run}

say() { echo "neko: $*" >&2; }

# A checksum over everything that decides what is installed, and over where and with which Python: an
# environment that was copied along with the folder still points at the old place, and one whose
# Python was replaced by a newer one is empty.
key_of() { # key_of VENV FILES...
    {
        pwd -P
        readlink -f "$1/bin/python" || true
        shift
        cat "$@"
    } 2>/dev/null | cksum
}

stamped() { # stamped VENV STAMP FILES...
    venv=$1
    stamp=$2
    shift 2
    [ -x "$venv/bin/python" ] && [ -f "$venv/$stamp" ] && [ "$(cat "$venv/$stamp")" = "$(key_of "$venv" "$@")" ]
}

quiet_pip() { # quiet_pip VENV ARGUMENTS...; says nothing but errors
    venv=$1
    shift
    "$venv/bin/python" -m pip -qq --no-input --disable-pip-version-check "$@"
}

make_venv() { # make_venv FOLDER; keeps one that works
    if [ -x "$1/bin/python" ] && "$1/bin/python" -m pip --version >/dev/null 2>&1 &&
        "$1/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        return 0
    fi
    python=$(sh scripts/find_python.sh)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        sh scripts/system_deps.sh venv "$version"
        if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
            say "$python cannot make virtual environments (its venv module is missing); see the line above."
            exit 1
        fi
    fi
    say "making $1 with $("$python" --version 2>&1)"
    "$python" -m venv --clear "$1"
}

case $what in
run | test) ;;
*)
    say "usage: scripts/install.sh run|test"
    exit 2
    ;;
esac

program_inputs="pyproject.toml constraints.txt scripts/install.sh"
sdk_inputs="constraints-sdk.txt scripts/install.sh"

# What the tests need beside the program is installed at the same time as it, and ends with us: who runs in
# the background does not hear Ctrl-C.
beside=
trap 'kill $beside 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

begin() { # begin VENV STAMP WHAT PACKAGES...; ``finish`` waits for it
    make_venv "$1"
    rm -f "$1/$2"
    say "installing $3"
    venv=$1
    shift 3
    "$venv/bin/python" -m pip -qq --no-input --disable-pip-version-check install "$@" &
    beside="$beside $!"
}

finish() { # finish PROCESS VENV STAMP INPUTS
    wait "$1"
    # shellcheck disable=SC2086 # a list of names
    key_of "$2" $4 >"$2/$3"
}

sdk= models=
# shellcheck disable=SC2086
if [ "$what" = test ] && ! stamped .venv-sdk .neko-sdk $sdk_inputs; then
    begin .venv-sdk .neko-sdk "the official SDKs in .venv-sdk (they need older packages than neko)" \
        -c constraints-sdk.txt 'openai[realtime]' google-genai dashscope
    sdk=$!
fi
# shellcheck disable=SC2086
if [ "$what" = test ] && ! stamped .venv-models .neko-models $program_inputs; then
    begin .venv-models .neko-models "the optional ears and voices in .venv-models (about half a gigabyte)" \
        -c constraints.txt onnx ctranslate2 faster-whisper sherpa-onnx piper-tts msgspec numpy soxr
    models=$!
fi

# shellcheck disable=SC2086
if ! stamped .venv ".neko-$what" $program_inputs; then
    make_venv .venv
    rm -f .venv/.neko-run .venv/.neko-test
    if [ "$what" = run ]; then
        say "installing the program (the first time takes about half a minute)"
        quiet_pip .venv install -c constraints.txt -e '.[local,aec]'
    else
        say "installing the program and the test tools (the first time takes about a minute)"
        quiet_pip .venv install -c constraints.txt 'pip>=25.1' # knows dependency groups
        quiet_pip .venv install -c constraints.txt -e '.[local,aec]' --group dev
        key_of .venv $program_inputs >.venv/.neko-test
    fi
    key_of .venv $program_inputs >.venv/.neko-run
fi

[ -z "$sdk" ] || finish "$sdk" .venv-sdk .neko-sdk "$sdk_inputs"
[ -z "$models" ] || finish "$models" .venv-models .neko-models "$program_inputs"
beside=
