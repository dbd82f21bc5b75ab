# An apt of one's own, for another suite or architecture than the machine's: all that it writes lies in one folder, and of the
# machine it reads the keys of Debian's archive, the settings of its proxy, and where its own packages come from. Sourced by
# scripts/suite and scripts/host/fetch, which bring say and die.

apt_keys=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_open FOLDER SUITE ARCHITECTURE...: what the functions below work on. SUITE '' is the machine's own; SUITE-backports is that
# suite with its backports, which go first.
apt_open() {
    apt=$1
    apt_suite=$2
    shift 2
    apt_architectures=$*
    mkdir -p "$apt/sources.list.d" "$apt/state/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
}

# apt_release RELEASE: what a release of the machine's sources is called in the suite that is wanted; nothing: it has none
apt_release() {
    base=${apt_suite%-backports}
    case $apt_suite:$1 in
    :*) echo "$1" ;;
    *:*-backports* | sid:*-*) ;;
    *:*-*) echo "$base-${1#*-}" ;;
    "$base":*) echo "$base" ;;
    *) echo "$base $apt_suite" ;;
    esac
}

# The machine's own Debian sources, for the suite that is wanted.
apt_sources() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian' |
        while read -r uri release component; do
            release=$(apt_release "$release")
            [ -z "$release" ] || echo "$uri $component $release"
        done | sort -u | while read -r uri component release; do
            printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\n' "$uri" "$release" "$component"
            printf 'Architectures: %s\nSigned-By: %s\n\n' "$apt_architectures" "$apt_keys"
        done
}

# apt_private TOOL ARGUMENT...: apt-get or apt-cache. The machine's preferences are not asked.
apt_private() {
    tool=$1
    shift
    case $apt_suite in *-backports) set -- -o APT::Default-Release="$apt_suite" "$@" ;; esac
    for architecture in $apt_architectures; do
        set -- -o APT::Architectures::="$architecture" "$@"
    done
    "$tool" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$apt/sources.list.d" \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State="$apt/state" -o Dir::Cache="$apt/cache" -o Dir::State::status="$apt/status" \
        -o APT::Architecture="${apt_architectures%% *}" -o APT::Sandbox::User=root -o APT::Install-Recommends=0 \
        -o Debug::NoLocking=1 -o Acquire::Languages=none -o Acquire::Retries=3 -o APT::Cmd::Disable-Script-Warning=1 "$@"
}

# Reads the lists of packages anew.
apt_update() {
    apt_sources >"$apt/sources.list.d/debian.sources"
    [ -s "$apt/sources.list.d/debian.sources" ] || die "this machine's apt knows no Debian source; on Debian: apt-get update"
    [ -r "$apt_keys" ] || die "$apt_keys is missing; on Debian: apt-get install debian-archive-keyring"
    say "${apt_suite:-this Debian}: looking up its packages"
    apt_private apt-get -qq update >"$apt/log" 2>&1 ||
        { tail -n 5 "$apt/log" >&2; die "${apt_suite:-this Debian}: cannot read its lists of packages"; }
}
