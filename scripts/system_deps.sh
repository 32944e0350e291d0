#!/bin/sh
# scripts/system_deps.sh run            what sound needs: PortAudio, and ALSA's way to PulseAudio
# scripts/system_deps.sh test           the same, plus a sound server, a virtual screen and terminals
# scripts/system_deps.sh venv VERSION   Python's own venv module (Debian packs it apart)
#
# Installs only what is missing: as root, or with a sudo that asks for no password, or by brew.
# Otherwise it prints the one line to run and goes on: neko works without sound, as a text chat.
# Always ends with 0; a test that needs what is missing says so itself.
set -u
what=${1:-run}
version=${2:-3}
cd "$(dirname "$0")/.." || exit 0

say() { echo "neko: $*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }
root=${NEKO_SYSTEM_ROOT:-} # another place to look for libraries and fonts; the tests use it
any_file() { # any_file PATTERN...; true if a file matches one of the patterns
    for pattern in "$@"; do
        # shellcheck disable=SC2086 # the pattern is to be expanded
        for file in "$root"$pattern; do
            [ -e "$file" ] && return 0
        done
    done
    return 1
}

# --- what is missing -----------------------------------------------------------------------------

has_portaudio() {
    any_file '/usr/lib/libportaudio.so*' '/usr/lib64/libportaudio.so*' '/usr/lib/*/libportaudio.so*' \
        '/usr/local/lib/libportaudio.so*' '/usr/local/lib/*/libportaudio.so*' \
        '/run/current-system/sw/lib/libportaudio.so*'
}
has_alsa_pulse() {
    any_file '/usr/lib/alsa-lib/libasound_module_pcm_pulse.so' \
        '/usr/lib64/alsa-lib/libasound_module_pcm_pulse.so' \
        '/usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so'
}
has_venv() { any_file "/usr/lib/python$version/ensurepip/__main__.py"; }
has_fonts() {
    any_file '/usr/share/fonts/*/DejaVuSansMono.ttf' '/usr/share/fonts/*/*/DejaVuSansMono.ttf'
}

missing= # words, in the manner of the table below
need() { missing="$missing $1"; }

system=$(uname -s)
case $what in
run | test)
    # The wheels of sounddevice for macOS and Windows bring PortAudio along.
    if [ "$system" = Linux ]; then
        has_portaudio || need portaudio
        has_alsa_pulse || need alsa-pulse
    fi
    ;;
venv) has_venv || need venv ;;
*)
    say "usage: scripts/system_deps.sh run|test|venv"
    exit 2
    ;;
esac
if [ "$what" = test ]; then
    have pulseaudio || need pulseaudio
    { have pactl && have paplay && have parec; } || need pulse-tools
    have tmux || need tmux
    if [ "$system" = Linux ]; then
        have Xvfb || need xvfb
        have xterm || need xterm
        has_fonts || need fonts
    fi
fi
[ -n "$missing" ] || exit 0

# --- what the packages are called ----------------------------------------------------------------

package() { # package MANAGER WORD
    case $1:$2 in
    *:tmux | *:xterm) echo "$2" ;;
    brew:pulseaudio | brew:pulse-tools) echo pulseaudio ;;
    brew:*) ;;
    apt-get:portaudio | zypper:portaudio) echo libportaudio2 ;;
    *:portaudio) echo portaudio ;;
    apt-get:alsa-pulse) echo libasound2-plugins ;;
    dnf:alsa-pulse) echo alsa-plugins-pulseaudio ;;
    pacman:alsa-pulse) echo "alsa-plugins libpulse" ;;
    *:alsa-pulse) echo alsa-plugins-pulse ;;
    *:pulseaudio) echo pulseaudio ;;
    pacman:pulse-tools) echo libpulse ;;
    *:pulse-tools) echo pulseaudio-utils ;;
    dnf:xvfb | zypper:xvfb) echo xorg-x11-server-Xvfb ;;
    pacman:xvfb) echo xorg-server-xvfb ;;
    *:xvfb) echo xvfb ;;
    apt-get:fonts) echo "fonts-dejavu-core fonts-jetbrains-mono" ;;
    dnf:fonts) echo dejavu-sans-mono-fonts ;;
    zypper:fonts) echo dejavu-fonts ;;
    pacman:fonts) echo ttf-dejavu ;;
    *:fonts) echo font-dejavu ;;
    apt-get:venv) echo "python$version-venv" ;;
    *:venv) echo python3 ;;
    esac
}

manager=
for name in apt-get dnf pacman apk zypper brew; do
    if have $name; then
        manager=$name
        break
    fi
done
if [ -z "$manager" ]; then
    say "missing:$missing, and no package manager was found that installs them; going on without."
    exit 0
fi

packages=
for word in $missing; do
    packages="$packages $(package $manager "$word")"
done
packages=$(echo $packages) # one space between words
[ -n "$packages" ] || exit 0

case $manager in
apt-get) install="apt-get install -y --no-install-recommends $packages" ;;
dnf) install="dnf install -y $packages" ;;
pacman) install="pacman -S --needed --noconfirm $packages" ;;
apk) install="apk add $packages" ;;
zypper) install="zypper --non-interactive install --no-recommends $packages" ;;
brew) install="brew install $packages" ;;
esac

# --- install, or say how -------------------------------------------------------------------------

by_hand="sudo $install"
as_root=
if [ $manager = brew ]; then
    by_hand=$install
elif [ "$(id -u)" = 0 ]; then
    by_hand=$install
elif have sudo && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    say "not installed:$missing. Install with:  $by_hand"
    [ "$what" = run ] && say "going on without sound, as a text chat."
    exit 0
fi

# A try that failed is not repeated at every start of the program.
tried=.venv/.neko-tried-run
if [ "$what" = run ] && [ -f $tried ]; then
    say "not installed:$missing. Install with:  $by_hand"
    exit 0
fi

log=$(mktemp "${TMPDIR:-/tmp}/neko-install.XXXXXX") || exit 0
trap 'rm -f "$log"' EXIT
bounded=
have timeout && bounded="timeout 600"

run() { # run COMMAND...; quiet, the output goes to the log
    # shellcheck disable=SC2086 # the prefixes are lists of words on purpose
    $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C $bounded "$@" </dev/null >>"$log" 2>&1
}

say "installing $packages"
# shellcheck disable=SC2086 # a list of words
if [ $manager = apt-get ]; then
    # What is known of the archive may be nothing, or old: ask again only then.
    run $install || { run apt-get update && run $install; }
else
    run $install
fi
if [ $? -ne 0 ]; then
    tail -n 5 "$log" | sed 's/^/    /' >&2
    say "could not be installed. Try:  $by_hand"
    [ "$what" = run ] && say "going on without sound, as a text chat." && [ -d .venv ] && : >$tried
fi
exit 0
