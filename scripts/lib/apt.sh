# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A private apt configuration (own lists, own cache), sourced after common.sh by
# the scripts that fetch Debian packages: it works whatever suites the machine
# itself uses, and apt checks the archive's signatures.

APT=$O/apt
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# uri_of SUITE: the mirror this machine already uses for that kind of suite.
uri_of() {
	local kind=debian/

	case $1 in *-security) kind=debian-security/ ;; esac
	# shellcheck disable=SC2016 # for apt to expand
	apt-get indextargets --format '$(REPO_URI)' 2>/dev/null |
		sed 's#/*$#/#' | sort -u | grep "/$kind\$" | head -n 1
}

apt_private() {
	"$1" -o Dir::Etc::SourceList="$APT/sources.list" \
		-o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$APT/lists" \
		-o Dir::Cache="$APT" -o Dir::Cache::Archives="$APT/archives" \
		-o APT::Get::List-Cleanup=true -o Acquire::Languages=none \
		-o Acquire::Retries=3 -o APT::Sandbox::User=root "${@:2}"
}

# read_lists SUITES LOG: SUITES have commas between them.
read_lists() {
	local suite uri

	[ -f "$KEYRING" ] || die "no $KEYRING: install debian-archive-keyring"
	mkdir -p -- "$APT/lists/partial" "$APT/archives/partial" "${2%/*}"
	: >"$APT/sources.list"
	for suite in ${1//,/ }; do
		uri=$(uri_of "$suite")
		[ -n "$uri" ] || continue
		echo "deb [signed-by=$KEYRING] $uri $suite main" >>"$APT/sources.list"
	done
	[ -s "$APT/sources.list" ] ||
		die "apt knows no Debian mirror here: add one to /etc/apt and run again"
	step "reading the package lists of $1"
	# A suite that is gone is not an error as long as another one has the
	# package.
	apt_private apt-get update >"$2" 2>&1 || true
}

# download PACKAGE VERSION LOG: leaves it in $APT/archives.
download() {
	step "downloading $1 $2"
	(cd -- "$APT/archives" &&
	 apt_private apt-get download "$1=$2" >>"$3" 2>&1) ||
		die "could not download $1 $2: see $3, check the network and the free space, and run again"
}
