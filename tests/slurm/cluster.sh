#!/usr/bin/env bash
# A real Slurm on this machine for the tests: a controller, two nodes, loopback only, no accounting. Needs root on Debian.
#   cluster.sh up DIR       install what is missing, start everything, print where its configuration lies
#   cluster.sh lose DIR n1  a node is gone at once, with everything on it: nobody there gets a signal that it could catch
#   cluster.sh back DIR n1  it comes back
#   cluster.sh controller DIR   the controller is started anew
#   cluster.sh down DIR
set -euo pipefail
verb=$1 dir=$2 node=${3:-}
conf=$dir/slurm.conf
export SLURM_CONF=$conf
first_port=${CLUSTER_PORT:-17600} # of three

install_slurm() {
    command -v slurmctld slurmd munged >/dev/null && return
    local policy=/usr/sbin/policy-rc.d # no daemon is to be started by its package
    [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && trap "rm -f $policy" RETURN; }
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge >/dev/null
}

configure() {
    local host
    host=$(hostname -s)
    cat >"$conf" <<CONF
ClusterName=suite
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$first_port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge.sock,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool-%n
SlurmctldPidFile=$dir/controller.pid
SlurmdPidFile=$dir/%n.pid
SlurmctldLogFile=$dir/controller.log
SlurmdLogFile=$dir/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=1,bf_interval=2,sched_interval=2
ReturnToService=2
SlurmdTimeout=10
SlurmctldTimeout=10
KillWait=10
OverTimeLimit=0
MinJobAge=600
JobRequeue=1
RebootProgram=/bin/false
GresTypes=gpu
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((first_port + 1)) CPUs=2 RealMemory=6000 Gres=gpu:1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((first_port + 2)) CPUs=2 RealMemory=6000 Gres=gpu:1
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=n1,n2 MaxTime=INFINITE State=UP
CONF
    echo "NodeName=n1,n2 Name=gpu File=/dev/null" >"$dir/gres.conf" # to be asked for; there is none
}

start_controller() { slurmctld -f "$conf" >&2; }

# A node has process numbers of its own: when their first process is killed, so are all others.
start_node() {
    setsid unshare --pid --fork --kill-child --mount-proc slurmd -D -f "$conf" -N "$1" >/dev/null 2>&1 </dev/null &
    echo $! >"$dir/space-$1.pid"
}

end_process() { # of a file with its number
    local pid
    pid=$(cat "$1" 2>/dev/null || true)
    [ -z "$pid" ] || kill "-$2" "$pid" 2>/dev/null || true
}

wait_for_nodes() {
    for _ in $(seq 150); do
        [ "$(sinfo --noheader --states=idle --format=%D 2>/dev/null)" = 2 ] && return
        sleep 0.2
    done
    echo "the nodes did not come up; see $dir/*.log" >&2
    exit 1
}

case $verb in
up)
    install_slurm >&2
    mkdir -p "$dir"/state "$dir"/spool-n1 "$dir"/spool-n2
    configure
    (umask 077 && head -c 128 /dev/urandom >"$dir/munge.key")
    munged --force --key-file="$dir/munge.key" --socket="$dir/munge.sock" --pid-file="$dir/munged.pid" \
        --log-file="$dir/munged.log" --seed-file="$dir/munged.seed" >&2
    start_controller
    start_node n1
    start_node n2
    wait_for_nodes
    echo "$conf"
    ;;
lose) end_process "$dir/space-$node.pid" KILL ;;
back) start_node "$node" ;;
controller)
    end_process "$dir/controller.pid" TERM
    sleep 2
    start_controller
    ;;
down)
    for name in space-n1 space-n2; do end_process "$dir/$name.pid" KILL; done
    for name in controller munged; do end_process "$dir/$name.pid" TERM; done
    ;;
*) sed -n '2,7p' "$0" >&2 && exit 2 ;;
esac
