#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/heal/watch.hpp>
#include <powerconsul/store/store.hpp>
#include <powerconsul/testing/fakes.hpp>

/// A node with several services, what a watch lists of them, and a machine of fakes: for the tests of what is done
/// about all of them.
namespace watched {

namespace pc = powerconsul;
using lines = std::vector<std::string>;

/// A clock on which other things happen while somebody sleeps.
struct eventful_clock : pc::testing::manual_clock {
    std::vector<std::int64_t> slept{};
    std::function<void()> meanwhile{};

    void sleep(pc::milliseconds time) {
        slept.push_back(time.count);
        advance(time);
        if (meanwhile) meanwhile();
    }
};

/// Files that know how long somebody would have waited for their locks, and that can be out of memory.
struct patient_files : pc::testing::memory_files {
    std::vector<std::pair<std::string, std::int64_t>> waits{};
    std::vector<std::string> reads{};
    bool short_of_memory{};

    [[nodiscard]] auto read(const std::string& path, std::size_t limit) -> pc::result<std::optional<std::string>> {
        reads.push_back(path);
        return memory_files::read(path, limit);
    }

    [[nodiscard]] auto list(const std::string& path, std::size_t limit)
        -> pc::result<std::optional<std::vector<std::string>>> {
        if (short_of_memory) throw std::bad_alloc{};
        return memory_files::list(path, limit);
    }
    [[nodiscard]] auto lock(const std::string& path, pc::milliseconds wait) -> pc::result<lock_type> {
        waits.emplace_back(path, wait.count);
        return memory_files::lock(path, wait);
    }
};

struct machine : pc::testing::fake_host<pc::store_view> {
    eventful_clock clock{};
    patient_files files{};
};
static_assert(pc::host<machine>);

inline constexpr std::string_view me = "production-web2";

/// web, mail and db have triggers; what they do is a test's choice.
struct node {
    pc::store consul{{.node = std::string{me}, .datacenter = "hq"}};
    machine here{};
    pc::heal::watch_setup set{.state_dir = "/state", .roles = {}, .watch = {.stop_file = "/stop"}};
    lines ran{};                                        ///< "<second> <service>" for each trigger that ran
    std::function<void(const std::string&)> healing{};  ///< what the trigger of that service does
    std::optional<pc::error> unconnected{};             ///< why no transport is to be had
    int connected{};                                    ///< how many were given
    bool short_of_memory{};

    node() {
        here.consul = {&consul, consul.agent()};
        set.roles.who.host = me;
        for (const std::string service : {"web", "mail", "db"}) {
            consul.put("hq", "triggers/production/" + service + "/standalone/critical", "heal " + service);
            here.jobs.on({"/bin/sh", "-c", "heal " + service}, 0);
        }
        here.jobs.doing([this](const pc::job& what, const pc::process_mark&) {
            const std::string service = what.argv.back().substr(5);
            ran.push_back(std::to_string(here.clock.monotonic().count / 1000) + ' ' + service);
            if (healing) healing(service);
        });
    }
    node(const node&) = delete;
    auto operator=(const node&) -> node& = delete;
    ~node() = default;

    /// The agent has the service's one check in that state.
    void is(const std::string& service, pc::store_status status, std::string output = "bad") {
        consul.add("hq", {.service = service,
                          .node = std::string{me},
                          .checks = {{service + "-role", {status, std::move(output)}}}});
    }
    void is_critical(const std::string& service) { is(service, pc::store_status::critical); }

    [[nodiscard]] auto connect() {
        return [this]() -> pc::result<pc::store_view> {
            if (short_of_memory) throw std::bad_alloc{};
            if (unconnected) return pc::unexpected{*unconnected};
            ++connected;
            return here.consul;
        };
    }
    /// A watch has listed these, or that in words of that state.
    auto handle(const lines& services, std::string_view status = "critical") -> pc::result<pc::heal::handled_watch> {
        std::vector<pc::snapshot_check> listed;
        for (const auto& each : services) listed.push_back(entry(each, status));
        return pc::heal::handle_all(here, connect(), set, std::move(listed));
    }
    [[nodiscard]] static auto entry(const std::string& service, std::string_view status = "critical")
        -> pc::snapshot_check {
        return {.node = std::string{me},
                .check_id = service + "-role",
                .name = {},
                .status = std::string{status},
                .output = "bad",
                .service_id = service,
                .service_name = service,
                .create_index = 14,
                .modify_index = 15};
    }

    /// `level what service state name=value ...` of each event with these words, and without incidents' ids.
    [[nodiscard]] auto said(std::string_view what) const -> lines {
        lines all;
        for (const auto& each : here.log.events(what)) {
            std::string line = std::string{to_string(each.level)} + ' ' + std::string{each.what} + ' ' + each.service +
                               ' ' + each.state;
            for (const auto& [name, value] : each.fields) {
                if (name != "incident") line += ' ' + std::string{name} + '=' + value;
            }
            all.push_back(line);
        }
        return all;
    }
};

}  // namespace watched
