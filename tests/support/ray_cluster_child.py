"""A Ray cluster of a head and some nodes on this machine, in a process of its own.

Ray ends a process whose head dies; this one may. It prints a line of JSON for each event, and
reads commands, one line of JSON each: {"add": name} | {"remove": name} | {"kill_head": true} |
{"remove_node_of": process id of a worker}. The end of its input ends it and the cluster. Run as
`python ray_cluster_child.py NAME...`.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from ray.cluster_utils import Cluster

ADDRESS = "127.0.0.2"  # loopback, but not 127.0.0.1, which Ray replaces by an outer address
START_SECONDS = 120.0  # on a busy machine
MEMORY = 80 << 20  # bytes of each object store
COMMON = {"node_ip_address": ADDRESS, "object_store_memory": MEMORY, "include_dashboard": False}


def send(**message: Any) -> None:
    os.write(1, json.dumps(message).encode() + b"\n")


def main(names: list[str]) -> None:
    cluster = Cluster()
    cluster.add_node(wait=False, num_cpus=0, **COMMON)  # the head
    nodes = {name: add(cluster, name) for name in names}
    cluster.wait_for_nodes(START_SECONDS)
    head: Any = cluster.head_node
    send(address=cluster.address, session=head.get_session_dir_path())
    for line in sys.stdin:
        command = json.loads(line)
        if name := command.get("add"):
            nodes[name] = add(cluster, name)
        elif name := command.get("remove"):
            cluster.remove_node(nodes.pop(name), allow_graceful=False)
        elif worker := command.get("remove_node_of"):
            name = next(name for name, node in nodes.items() if raylet(node) == parent(worker))
            cluster.remove_node(nodes.pop(name), allow_graceful=False)
        elif command.get("kill_head"):
            head.kill_all_processes(check_alive=False, allow_graceful=False, wait=True)
        send(done=True)
    for node in [*cluster.worker_nodes, head]:
        node.kill_all_processes(check_alive=False, allow_graceful=True, wait=True)


def raylet(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def parent(pid: int) -> int:
    with open(f"/proc/{pid}/stat") as file:
        return int(file.read().rpartition(")")[2].split()[1])


def add(cluster: Cluster, name: str) -> Any:
    return cluster.add_node(
        wait=False, num_cpus=2, labels={"framelane-node": name, "site": "here"}, **COMMON
    )


if __name__ == "__main__":
    main(sys.argv[1:])
