#!/usr/bin/env bash
# Bring up a Docker engine where none answers: as root on Debian 12, without systemd and without a registry of images.
#   eval "$(bash containers/engine.sh)"    prints what to export; a second call finds the engine that runs
#   bash containers/engine.sh down         stops it
set -euo pipefail

state=${SUITE_ENGINE:-/var/tmp/suite-engine}
base_image=${BASE_IMAGE:-python:3.11-slim-bookworm}
pid_file=$state/dockerd.pid
export DOCKER_HOST=unix://$state/docker.sock DEBIAN_FRONTEND=noninteractive

stop() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 0
    kill "$pid" 2>/dev/null || return 0
    while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
    umount "$state/exec/netns/default" "$state/data" 2>/dev/null || true  # left mounted after a hard kill alone
    ip link delete docker0 2>/dev/null || true
}

# The engine, Compose and buildx of Debian 13 need nothing newer than the C library of Debian 12; containerd and runc
# stay those of Debian 12, for the newer runc does not link there.
install_engine() {
    apt-get update -qq
    local mirror
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Codename: bookworm' | head -n 1)
    cat >/etc/apt/sources.list.d/suite-engine.sources <<SOURCES
Types: deb
URIs: ${mirror%/}
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
    cat >/etc/apt/preferences.d/suite-engine <<'PREFERENCES'
Package: *
Pin: release n=trixie
Pin-Priority: -1

Package: docker.io docker-cli docker-compose docker-buildx
Pin: release n=trixie
Pin-Priority: 990
PREFERENCES
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends \
        docker.io docker-cli docker-compose docker-buildx iptables debootstrap >"$state/apt.log"
}

start_engine() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null || true)  # that of a daemon which was killed hard keeps the next from starting
    [[ -n $pid && $(readlink "/proc/$pid/exe" || true) == */dockerd ]] || rm -f "$pid_file"
    setsid dockerd --data-root "$state/data" --exec-root "$state/exec" --pidfile "$pid_file" --host "$DOCKER_HOST" \
        >"$state/dockerd.log" 2>&1 </dev/null &
    local daemon=$!
    for _ in $(seq 120); do
        docker info >/dev/null 2>&1 && return
        kill -0 "$daemon" 2>/dev/null || break
        sleep 0.5
    done
    tail -n 30 "$state/dockerd.log" >&2
    return 1
}

# A stand-in for the base image, of Debian's own Python: pip in a build needs this machine's certificates and no more.
make_base_image() {
    local root certificates=/etc/ssl/certs/ca-certificates.crt
    root=$(mktemp -d /dev/shm/suite-base.XXXXXX)
    chmod 755 "$root"
    debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,ca-certificates bookworm "$root" \
        >"$state/debootstrap.log"
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
    ln -sf python3 "$root/usr/bin/python"
    cp -L "$certificates" "$root$certificates"
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
    tar -C "$root" --numeric-owner -c . | docker import \
        --change 'CMD ["python3"]' \
        --change "ENV LANG=C.UTF-8 PIP_CERT=$certificates SSL_CERT_FILE=$certificates REQUESTS_CA_BUNDLE=$certificates" \
        - "$base_image" >/dev/null
    rm -rf "$root"
}

if [ "${1:-up}" = down ]; then
    stop
    exit 0
fi
mkdir -p "$state"
if ! { command -v dockerd && command -v debootstrap && docker compose version; } >/dev/null 2>&1; then
    install_engine
fi
docker info >/dev/null 2>&1 || start_engine
docker image inspect "$base_image" >/dev/null 2>&1 || make_base_image
echo "export DOCKER_HOST=$DOCKER_HOST"
