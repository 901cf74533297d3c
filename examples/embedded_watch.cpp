// A service that heals a part of itself: a check becomes critical, its incident gets one attempt at once and the next
// ones when the last one has shown in its time to settle that it did not heal, and it closes when the check passes. The
// embedded store stands in for Consul; a real service takes posix_clock, posix_files and posix_supervisor for the
// fakes.

#include <cstdio>
#include <string>
#include <vector>

#include <powerconsul/powerconsul.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

/// A log is anything that takes events.
struct printed_log {
    void write(const event& what) {
        std::printf("  %s", std::string{what.what}.c_str());
        for (const auto& [name, text] : what.fields) {
            if (name == "attempt" || name == "outcome") std::printf(" %s=%s", std::string{name}.c_str(), text.c_str());
        }
        std::printf("\n");
    }
};

int main() {
    store consul{{.node = "production-worker1", .datacenter = "hq"}};
    consul.put("hq", "triggers/production/queue/standalone/critical",
               R"({"command": ["/usr/local/bin/restart", "@ENV", "queue"]})");
    consul.add("hq", {.service = "queue", .node = "production-worker1", .checks = {{"queue-alive", {}}}});

    struct {
        testing::manual_clock clock{};
        testing::memory_files files{};
        testing::fake_supervisor jobs{};
        printed_log log{};
    } here;
    here.files.put("/var/lib/.keep", "");
    here.jobs.on({"/usr/local/bin/restart", "production", "queue"}, 0);
    service_handler handler{consul, here, "/var/lib/queue", {.who = {.host = "production-worker1"}}, {}};

    const auto look = [&](const char* when, store_status state) {
        std::printf("%s:\n", when);
        if (!consul.set_check("hq", "production-worker1", "queue-alive", state, "its worker is gone")) return;
        std::vector<snapshot_check> critical;
        if (state == store_status::critical) {
            snapshot_check check;
            check.node = "production-worker1";
            check.check_id = "queue-alive";
            check.service_id = "queue";
            check.service_name = "queue";
            critical.push_back(check);
        }
        const auto report = handler.handle("queue", critical);
        if (report.cause) std::printf("  %s\n", report.cause->message.c_str());
        for (const auto& each : report.incidents) {
            if (!each.why.empty()) std::printf("  waits: %s\n", each.why.c_str());
        }
    };
    look("The check becomes critical", store_status::critical);
    look("The same list again", store_status::critical);
    here.clock.advance(seconds(60));
    look("The same list, a minute later", store_status::critical);
    here.clock.advance(seconds(3));
    look("The check passes", store_status::passing);
}
