#!/bin/sh
# Takes the programs away, from the folder this script lies in. Configuration, store and secrets lie elsewhere and stay.
set -eu
place=$(cd "$(dirname "$0")" && pwd)

if [ ! -f "$place/terraced" ] || [ ! -d "$place/_internal" ]; then
    echo "uninstall.sh: $place is not a folder of Terrace" >&2
    exit 2
fi
for unit in "$HOME"/Library/LaunchAgents/terrace.*.plist /Library/LaunchDaemons/terrace.*.plist; do
    if [ -f "$unit" ]; then
        echo "uninstall.sh: $unit is installed: terrace service uninstall first" >&2
        exit 1
    fi
done
if pgrep -f "^$place/terraced( |\$)" >/dev/null 2>&1; then
    echo "uninstall.sh: terraced is running: stop it first" >&2
    exit 1
fi
rm -rf "$place/_internal"
rm -f "$place/terrace" "$place/terraced" "$place/LICENSE"
if [ "$place" = /Library/Terrace ]; then
    rm -f /etc/paths.d/terrace
    pkgutil --forget terrace.programs >/dev/null 2>&1 || true
else
    pkgutil --volume "$HOME" --forget terrace.programs >/dev/null 2>&1 || true
    echo "The line of ~/.zprofile that ends in '# Terrace' can go too."
fi
rm -f "$place/uninstall.sh"
rmdir "$place" 2>/dev/null || true
echo "Terrace's programs are gone. Your configuration and data were not touched."
