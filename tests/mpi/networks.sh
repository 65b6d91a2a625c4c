#!/bin/sh
# networks.sh MPIEXEC PROGRAM [ARGS...]: runs PROGRAM on 2 and on 4 ranks, each in a network namespace of its own, behind
# a bridge with a limited rate. What it measures, other work on the machine disturbs: three attempts. Skipped (77) where the machine allows no namespaces, and without Open MPI.
set -u

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpiexec=$1
shift
skip() {
  echo "skipped: $*"
  exit 77
}
[ "$(id -u)" -eq 0 ] || skip 'network namespaces need root'
command -v ip >/dev/null && command -v tc >/dev/null || skip 'ip or tc is missing (Debian: iproute2)'
"$mpiexec" --version 2>/dev/null | grep -q 'Open' || skip 'the launcher is not that of Open MPI'

tag=weft$$
bridge=wb$$
networks=0
# Other interfaces are not in the way: each job uses this network alone.
subnet=10.$((64 + $$ % 64)).$(($$ / 64 % 256))

clean_up() {
  while [ "$networks" -gt 0 ]; do
    networks=$((networks - 1))
    ip netns del "$tag.$networks"
  done
  ip link del "$bridge" 2>/dev/null
}
trap clean_up EXIT
trap 'exit 130' INT TERM

ip link add "$bridge" type bridge 2>/dev/null || skip 'no bridge can be made'
ip addr add "$subnet.254/24" dev "$bridge" && ip link set "$bridge" up || skip 'the bridge cannot be used'

# add_network RATE: one namespace more.
add_network() {
  ip netns add "$tag.$networks" || skip 'no network namespace can be made'
  networks=$((networks + 1))
  last=$tag.$((networks - 1))
  ip link add "wv$networks.$$" type veth peer name eth0 netns "$last" &&
    ip link set "wv$networks.$$" master "$bridge" up &&
    ip -n "$last" addr add "$subnet.$networks/24" dev eth0 &&
    ip -n "$last" link set eth0 up && ip -n "$last" link set lo up &&
    ip netns exec "$last" tc qdisc add dev eth0 root tbf rate "$1" burst 64kb latency 200ms ||
    skip 'the namespace has no such network'
}

# run RANKS COMMAND...
run() {
  count=$1
  shift
  # The ranks talk to the launcher over the bridge, and to each other as if they were on other machines.
  PMIX_MCA_ptl_base_if_include=$bridge TAG=$tag "$mpiexec" --oversubscribe -n "$count" \
    --mca pml ob1 --mca btl tcp,self --mca btl_tcp_if_include "$subnet.0/24" --mca oob_tcp_if_include "$bridge" \
    sh -c 'exec ip netns exec "$TAG.$OMPI_COMM_WORLD_RANK" "$@"' sh "$@"
}

for ranks in 2 4; do
  while [ "$networks" -lt "$ranks" ]; do add_network 500mbit; done
  run "$ranks" "$@" || run "$ranks" "$@" || run "$ranks" "$@" || exit 1
done
