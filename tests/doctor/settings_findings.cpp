#include <powerconsul/doctor/settings_findings.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holds.hpp"

using namespace powerconsul;

namespace {

using flag = std::optional<bool>;

constexpr flag unsaid{};
const result<agent_config> hidden = fail(errc::denied, "no");
const result<agent_files> unread = fail(errc::unavailable, "no");

auto agent_with(agent_settings settings) -> result<agent_config> {
    return agent_config{.node = "web1", .datacenter = "hq", .settings = settings};
}
auto files_with(agent_settings settings, std::size_t checks = 1) -> result<agent_files> {
    return agent_files{.checks = std::vector<configured_check>(checks), .settings = settings};
}

}  // namespace

TEST_CASE("script checks, as the agent runs and as its files say") {
    struct row {
        std::string_view name;
        flag local;
        flag remote;
        result<agent_files> files;
        condition state;
        std::string_view says;
    };
    const auto on = files_with({.local_scripts = true});
    const auto off = files_with({.local_scripts = false});
    const row rows[] = {
        {"they run", true, false, on, condition::ok, "are run"},
        {"the files are not known", true, false, unread, condition::ok, "are run"},
        {"set by the wider option", true, false, files_with({.remote_scripts = true}), condition::ok, "are run"},
        {"without script checks", true, false, files_with({}, 0), condition::ok, "are run"},
        {"no longer in the files", true, false, off, condition::error, "will not start again"},
        {"the wider one, no longer in the files", false, true, files_with({}), condition::error,
         "will not start again"},
        {"they do not run", false, false, off, condition::error, "a reload is not enough"},
        {"they do not run, and who knows why", false, false, unread, condition::error, "a reload is not enough"},
        {"not restarted yet", false, false, on, condition::error, "restart the agent: a reload does not enable them"},
        {"it does not say", unsaid, unsaid, on, condition::unknown, "does not say"},
        {"anybody's", false, true, files_with({.remote_scripts = true}), condition::warning, "in its place"},
        {"anybody's alone", unsaid, true, unread, condition::warning, "in its place"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        const auto agent = agent_with({.local_scripts = row.local, .remote_scripts = row.remote});
        holds(judge_script_checks(agent, row.files), row.state, row.says);
    }
    holds(judge_script_checks(hidden, on), condition::unknown, "does not show");
}

TEST_CASE("what becomes of the output of checks") {
    using size = std::optional<std::uint64_t>;
    struct row {
        std::string_view name;
        result<agent_config> agent;
        result<agent_files> files;
        condition state;
        std::string_view says;
    };
    const auto says = [](flag discards, size kept) {
        return agent_settings{.discards_output = discards, .output_size = kept};
    };
    const row rows[] = {
        {"kept", agent_with(says(false, 4096)), files_with({}), condition::ok, "keeps"},
        {"discarded", agent_with(says(true, 4096)), unread, condition::error, "as good as dead"},
        {"reloaded", agent_with(says(false, 4096)), files_with(says(true, {})), condition::error, "consul reload"},
        {"reloaded, back", agent_with(says(true, 4096)), files_with({}), condition::ok, "keeps"},
        {"by the files alone", hidden, files_with(says(true, {})), condition::error, "discard_check_output"},
        {"cut", agent_with(says(false, 4095)), files_with({}), condition::warning, "check_output_max_size is 4095"},
        {"cut after a restart", agent_with(says(false, 4096)), files_with(says({}, 100)), condition::warning, "is 100"},
        {"cut until a restart", agent_with(says(false, 100)), files_with(says({}, 5000)), condition::warning, "is 100"},
        {"Consul's default", agent_with(says(false, 0)), unread, condition::ok, "keeps"},
        {"not said", agent_with({}), unread, condition::unknown, "does not say"},
        {"not shown", hidden, unread, condition::unknown, "does not say"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        holds(judge_check_output(row.agent, row.files), row.state, row.says);
    }
}

TEST_CASE("what a restart of the agent does to its node") {
    const auto agent = [](flag terminate, flag interrupt) {
        return agent_with({.leaves_on_terminate = terminate, .stays_on_interrupt = interrupt});
    };
    using awaited = std::vector<awaited_service>;
    const awaited none;
    const awaited two{{"mail", seconds(60)}, {"web", seconds(90)}};
    const awaited at_once{{"mail", seconds(60)}, {"web", {}}};
    holds(judge_leaving(agent(false, true), two), condition::ok, "stays in Consul's catalog");
    holds(judge_leaving(agent(true, false), none), condition::ok, "SIGTERM or SIGINT: while it is restarted");
    holds(judge_leaving(agent(true, false), two), condition::ok,
          "does not list this node, which counts for standbys of mail after 60 s and web after 90 s");
    holds(judge_leaving(agent(true, true), two), condition::ok, "when it gets SIGTERM:");
    holds(judge_leaving(agent(false, false), two), condition::ok, "when it gets SIGINT:");
    holds(judge_leaving(agent(false, false), at_once), condition::error,
          "so that a standby takes over web; set absentAfter to 60s");
    holds(judge_leaving(agent(false, true), at_once), condition::ok, "stays in Consul's catalog");
    holds(judge_leaving(agent(unsaid, true), two), condition::unknown, "does not say");
    holds(judge_leaving(agent(true, unsaid), two), condition::unknown, "does not say");
    holds(judge_leaving(hidden, two), condition::unknown, "does not say");
}
