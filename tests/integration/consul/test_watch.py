"""From a killed process to a healed service, end to end: real Consul, its own configuration, nothing called by hand.

    CONSUL=... POWERCONSUL=... python3 test_watch.py [--repeat N] [--transcript]

Consul runs the check each second, its watch calls powerconsul, powerconsul runs the trigger that stands in the KV
store, the trigger starts the service again, and the check passes.
"""
import argparse
import json
import sys
import time

from consul_cluster import Cluster, executables, wait_until
from machine import Machine, Story, end_processes_below

NODES = {"active_nodes": ["production-web1"], "standby_nodes": ["production-web2"]}
TRIGGERS = "triggers/production/web"
SHARED_TRIGGERS = "triggers/web"
# A trigger of a standby alone: what is wrong, to run or to be stopped, the check itself says.
BOTH_WAYS = """#!/bin/sh
case $POWERCONSUL_CHECK_OUTPUT in
*'"expects":true'*) exec @INIT/apache2 start ;;
*'"expects":false'*) exec @INIT/apache2 stop ;;
*) echo "what is expected is not known"; exit 1 ;;
esac
"""
QUICK = 20  # seconds, for each thing that must follow from another


class Scenario:
    def __init__(self, cluster):
        self.cluster = cluster
        self.active, self.standby = (Machine(cluster, each) for each in (cluster.web1, cluster.web2))
        self.story = Story([self.active, self.standby])

    def prepare(self):
        self.cluster.hq.put_key("cluster/production/web", NODES)
        self.cluster.hq.put_key(f"{TRIGGERS}/primary/critical", "@INIT/apache2 start")
        stop = {"command": ["@INIT/apache2", "stop"], "timeout": "20s"}
        self.cluster.hq.put_key(f"{TRIGGERS}/secondary/critical", stop)
        self.active.service("start")
        self.active.watch(status="passing")
        # What happens before an agent's first sync, which may take it half a minute, goes unnoticed; and the standby is
        # not there before the active can be seen.
        wait_until("the active passes", lambda: self.known() == {self.active.name: "primary"})
        # A standby need not jump at a service that its own node restarts within a second or two.
        self.standby.watch(status="passing", failures_before_critical=3)
        wait_until("both pass", lambda: self.known() == {self.active.name: "primary", self.standby.name: "secondary"})

    def known(self):
        """The role of each node whose check passes, as the servers have it."""
        checks = [check for entry in self.cluster.hq.api("GET", "/v1/health/service/web") for check in entry["Checks"]]
        return {check["Node"]: json.loads(check["Output"])["role"] for check in checks
                if check["CheckID"] == "web-role" and check["Status"] == "passing"}

    def close(self):
        self.story.end()
        for machine in (self.active, self.standby):
            machine.service("stop")

    def tell(self):
        self.primary()
        self.takes_over_from_a_dead_node()
        self.active_is_back()
        self.takes_over_with_a_trigger_for_all_environments()
        self.active_is_repaired()

    # The steps.

    def primary(self):
        self.title("1. A primary: its process is killed")
        old = self.active.pid()
        self.says(f"kills process {old} of apache2 on {self.active.name}: SIGKILL")
        self.active.kill()
        began = time.monotonic()
        self.wait("the trigger starts it again", lambda: self.active.pid() not in (None, old))
        healed = time.monotonic() - began
        self.is_over(self.active, f"{TRIGGERS}/primary/critical", 1)
        self.wait("the servers have it", lambda: self.active.name in self.known())
        self.expect(self.standby.incidents() == [], "the standby has nothing to do with it")
        self.says(f"it ran again {healed:.1f} s after it was killed")

    def takes_over_from_a_dead_node(self):
        self.title("2. A standby: the active's node dies, and the trigger under primary takes over")
        self.says(f"kills Consul's agent and apache2 on {self.active.name}, as if its power had failed: SIGKILL")
        self.cluster.web1.kill()
        self.active.kill()
        began = time.monotonic()
        self.wait("the standby takes over", self.standby.pid)
        taken = time.monotonic() - began
        self.is_over(self.standby, f"{TRIGGERS}/primary/critical", 1)
        self.says(f"the standby served {taken:.1f} s after the active had died")

    def active_is_back(self):
        self.title("3. The active's node is back, and the standby stops its service")
        self.says(f"starts apache2 and Consul's agent on {self.active.name}, as the machine does when it boots")
        self.active.service("start")
        self.cluster.web1.start()
        self.wait("the standby stops its service", lambda: not self.standby.pid())
        self.is_over(self.standby, f"{TRIGGERS}/secondary/critical", 2)
        self.one_serves(self.active, self.standby)

    def takes_over_with_a_trigger_for_all_environments(self):
        self.title("4. A standby: the active's service cannot be healed; first only secondary has a trigger")
        self.cluster.hq.api("DELETE", f"/v1/kv/{TRIGGERS}/primary/critical")
        self.cluster.hq.put_key(f"{TRIGGERS}/secondary/critical", BOTH_WAYS)
        self.says(f"uninstalls apache2 on {self.active.name} and kills its process {self.active.pid()}")
        self.active.uninstall()
        self.active.kill()
        for machine in (self.active, self.standby):
            self.wait(f"{machine.name} has no trigger and says so", lambda: self.waits_for_a_trigger(machine))
        self.expect(not self.standby.pid(), "what is there to stop the service does not start it")
        self.says(f"puts a trigger at {SHARED_TRIGGERS}/primary/critical")
        self.cluster.hq.put_key(f"{SHARED_TRIGGERS}/primary/critical", "@INIT/apache2 start")
        self.wait("the standby takes over", self.standby.pid)
        self.is_over(self.standby, f"{SHARED_TRIGGERS}/primary/critical", 3)
        self.expect(self.active.status() == "critical" and not self.active.pid(), "the active stays as it is")

    @staticmethod
    def waits_for_a_trigger(machine):
        last = (machine.incidents() or [{"open": False}])[-1]
        return last["open"] and last["attempts"] == 0 and last.get("held") == (
            f"there is no trigger at {TRIGGERS}/primary/critical or {SHARED_TRIGGERS}/primary/critical")

    def active_is_repaired(self):
        self.title("5. An operator repairs the active, and the standby stops its service")
        self.says(f"installs and starts apache2 on {self.active.name}")
        self.active.install()
        self.active.service("start")
        self.wait("the active passes", lambda: self.passing(self.active))
        self.wait("the standby stops its service", lambda: not self.standby.pid())
        # It has not been well for long since it was stopped before.
        self.is_over(self.standby, f"{TRIGGERS}/secondary/critical", 4, number=2)
        self.one_serves(self.active, self.standby)

    # What they are made of.

    def title(self, text):
        self.story.say("", f"--- {text}")

    def says(self, text):
        self.story.say("test", text)

    def expect(self, condition, what):
        if not condition:
            raise AssertionError(f"not so: {what}")

    def wait(self, what, condition):
        return wait_until(what, condition, QUICK)

    @staticmethod
    def passing(machine):
        return machine.status() == "passing"

    def is_over(self, machine, key, count, number=1):
        """The machine's last incident, its count-th, is closed and healed, by one attempt with that trigger, which is
        the number-th in a row."""
        def over():
            return [each["open"] for each in machine.incidents()] == [False] * count
        self.wait(f"incident {count} of {machine.name} is over", lambda: self.passing(machine) and over())
        last = machine.incidents()[-1]
        tried = [(each["number"], each["outcome"], each["key"], each["status"]) for each in last["tried"]]
        self.expect((last["how"], tried) == ("healed", [(number, "healed", key, 0)]),
                    f"healed by attempt {number} with {key}: {last}")

    def one_serves(self, one, other):
        self.wait("both checks pass", lambda: self.passing(one) and self.passing(other))
        self.expect(one.pid() and not other.pid(), f"{one.name} serves and {other.name} does not")


def run_once(transcript):
    """Tells the story in a cluster of its own; gives its length."""
    with Cluster(*executables()) as cluster:
        scenario, failed = Scenario(cluster), True
        try:
            scenario.prepare()
            began = time.monotonic()
            scenario.tell()
            seconds, failed = time.monotonic() - began, False
        finally:
            scenario.close()
            if transcript or failed:
                print(scenario.story.text(), flush=True)
            for agent in cluster.agents:
                agent.kill()
            end_processes_below(cluster.folder)
    return seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=1, help="how often")
    parser.add_argument("--transcript", action="store_true", help="print what happened also when all went well")
    words = parser.parse_args()
    for i in range(1, words.repeat + 1):
        seconds = run_once(words.transcript)
        print(f"{i} of {words.repeat}: passed in {seconds:.1f} s", flush=True)
        if seconds >= 40:
            sys.exit("the story must take less than 40 s")


if __name__ == "__main__":
    main()
