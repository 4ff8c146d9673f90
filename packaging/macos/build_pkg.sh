#!/bin/sh
# Packs dist/terrace into an installer for macOS: dist/terrace-VERSION-macos-ARCHITECTURE.pkg and its SHA-256.
#
#     packaging/macos/build_pkg.sh [DIST]
#
# Run after packaging/pyinstaller/build.py, on a Mac. TERRACE_INSTALLER_IDENTITY names a "Developer ID Installer"
# certificate of the keychain; without it the package is not signed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$here/../.." && pwd)
dist=${1:-$tree/dist}
python=${PYTHON:-python3}

[ "$(uname -s)" = Darwin ] || { echo "build_pkg.sh: this needs pkgbuild and productbuild of macOS" >&2; exit 2; }
[ -x "$dist/terrace/terraced" ] || { echo "build_pkg.sh: no $dist/terrace: build it first" >&2; exit 2; }

version=$("$dist/terrace/terraced" --version | sed 's/^terraced //')
machine=$(uname -m)
name="terrace-$version-macos-$machine.pkg"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/root" "$work/parts"
cp -R "$dist/terrace/." "$work/root/"
cp "$here/uninstall.sh" "$work/root/uninstall.sh"
chmod 755 "$work/root/uninstall.sh"

# Bundles inside (a Python.framework) must stay where they are put, whatever the Mac has elsewhere under their name.
pkgbuild --analyze --root "$work/root" "$work/components.plist"
"$python" "$here/fixed_in_place.py" "$work/components.plist"

pkgbuild --root "$work/root" --component-plist "$work/components.plist" --scripts "$here/scripts" \
    --identifier terrace.programs --version "$version" --install-location /Library/Terrace \
    --ownership recommended "$work/parts/terrace-programs.pkg"

sed -e "s/@VERSION@/$version/g" -e "s/@ARCHITECTURE@/$machine/g" "$here/distribution.xml" > "$work/distribution.xml"
mkdir "$work/resources"
cp "$here/resources/conclusion.html" "$work/resources/"
cp "$tree/LICENSE" "$work/resources/LICENSE.txt"
productbuild --distribution "$work/distribution.xml" --resources "$work/resources" \
    --package-path "$work/parts" --version "$version" "$work/$name"

if [ -n "${TERRACE_INSTALLER_IDENTITY:-}" ]; then
    productsign --sign "$TERRACE_INSTALLER_IDENTITY" "$work/$name" "$dist/$name"
else
    cp "$work/$name" "$dist/$name"
fi
cd "$dist"
shasum -a 256 "$name" > "$name.sha256"
echo "packed $dist/$name"
