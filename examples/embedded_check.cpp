// A service that checks a part of itself: is the queue worker, which must work on one of two nodes only, as this node's
// role demands? The embedded store stands in for Consul; with powerconsul-httplib it would be a real agent.

#include <cstdio>
#include <string>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/powerconsul.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/memory_files.hpp>

using namespace powerconsul;

int main() {
    store consul{{.node = "production-worker2", .datacenter = "hq"}};
    consul.put("hq", "cluster/production/queue",
               R"({"active_nodes": ["production-worker1"], "standby_nodes": ["production-worker2"]})");
    consul.add("hq", {.service = "queue", .node = "production-worker1", .checks = {{"service:queue", {}}}});
    consul.add("hq", {.service = "queue", .node = "production-worker2", .checks = {{"service:queue", {}}}});

    posix_clock time;
    testing::memory_files files;  // a real service keeps its last known roles on disk: posix_files
    // By default a standby takes over only once nobody has served for 20 s; here it does so at once.
    role_resolver roles{consul,
                        time,
                        files,
                        "/var/lib/queue",
                        {.who = {.host = "production-worker2"}, .wait = {.takeover_after = seconds(0)}}};

    const bool working = false;
    const auto worker = [&]() -> observed {
        if (working) return {observation::running, "it takes jobs"};
        return {observation::stopped, "it takes no jobs"};
    };
    const auto show = [&](const char* when) {
        const check_report report =
            check({.kind = "worker", .name = "queue worker"}, roles.resolve("queue", seconds(5)), worker);
        std::printf("%s:\n  %s\n", when, nagios_line(report).c_str());
    };
    show("The active serves");
    if (!consul.set_check("hq", "production-worker1", "serfHealth", store_status::critical)) return 1;
    show("The active's node is dead");
    consul.erase("hq", "cluster/production/queue");
    show("There is no cluster document");
}
