#include <powerconsul/heal/service_view.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

struct bare_machine {
    testing::manual_clock clock{};
};

/// An agent with these checks, each `{"CheckID": …}` without its braces.
struct asked_agent {
    testing::fake_transport consul{};
    bare_machine here{};
    watch_options options{};
    service_view<testing::fake_transport, bare_machine> view{consul, here, options, nullptr};

    explicit asked_agent(const std::vector<std::string>& checks) {
        std::string text = "{";
        for (const auto& each : checks) {
            text += (text.size() > 1 ? "," : "") + ('"' + std::to_string(text.size())) + "\":{" + each + '}';
        }
        consul.on(http_method::get, "/v1/agent/checks", 200, text + '}');
    }
};

auto check(const std::string& id, const std::string& status, const std::string& output,
           const std::string& service_id = "web") -> std::string {
    return R"("Node":"web1","CheckID":")" + id + R"(","Status":")" + status + R"(","Output":")" + output +
           R"(","ServiceID":")" + service_id + R"(","ServiceName":"web")";
}

auto standings(const std::vector<check_facts>& all) -> std::vector<standing> {
    std::vector<standing> found;
    for (const auto& each : all) found.push_back(each.now);
    return found;
}

}  // namespace

TEST_CASE("what a check says counts by its state and its output") {
    struct row {
        std::string status, output;
        standing expected;
    };
    const std::vector<row> rows{
        {"critical", "down", standing::in_state},
        {"critical", "", standing::silent_in_state},
        {"warning", "slow", standing::elsewhere},
        {"warning", "", standing::silent_elsewhere},
        {"passing", "up", standing::passing},
        {"passing", "", standing::silent_passing},
        {"critical", R"({\"type\":\"service\",\"service\":\"x\",\"state\":\"unknown\",\"code\":2})",
         standing::unproven},
    };
    for (const auto& row : rows) {
        CAPTURE(row.status);
        CAPTURE(row.output);
        asked_agent at{{check("a", row.status, row.output)}};
        const auto seen = at.view.look("web", {});
        REQUIRE(seen);
        CHECK(standings(*seen) == std::vector{row.expected});
        CHECK(at.view.checks().size() == (row.status == "critical" ? 1 : 0));
    }
}

TEST_CASE("an instance in maintenance is no reason for anything, as long as another one is in none") {
    const std::string held = check("_service_maintenance:web-1", "critical", "", "web-1");
    const std::string stopped = check("role-1", "critical", "down", "web-1");
    SUBCASE("one of two") {
        asked_agent at{{held, stopped, check("role-2", "passing", "up", "web-2")}};
        const auto seen = at.view.look("web", {});
        REQUIRE(seen);
        auto found = standings(*seen);
        std::ranges::sort(found);
        auto expected = std::vector{standing::unproven, standing::passing};
        std::ranges::sort(expected);
        CHECK(found == expected);
        CHECK(at.view.checks().empty());
    }
    SUBCASE("all, which holds what would be done") {
        asked_agent at{{held, stopped}};
        const auto seen = at.view.look("web", {});
        REQUIRE(seen);
        CHECK(standings(*seen) == std::vector{standing::in_state});
        CHECK(at.view.checks().size() == 1);
    }
}

TEST_CASE("a snapshot tells of checks that the agent does not know, and its indexes of those that it knows") {
    asked_agent at{{check("known", "critical", "down")}};
    const snapshot_check known{
        .node = "web1", .check_id = "known", .status = "critical", .service_id = "web", .modify_index = 7};
    snapshot_check other = known;
    other.check_id = "other";
    const auto seen = at.view.look("web", {known, other});
    REQUIRE(seen);
    REQUIRE(seen->size() == 2);
    CHECK(seen->at(0).modify_index == 7);
    CHECK_FALSE(seen->at(0).from_snapshot);
    CHECK(seen->at(1).from_snapshot);
    CHECK(at.view.is_still_bad());
}

TEST_CASE("whether the service should run is told by checks of ours") {
    const auto own = [](const std::string& expects) {
        return check("role", "critical",
                     R"({\"type\":\"service\",\"service\":\"x\",\"expects\":)" + expects +
                         R"(,\"state\":\"critical\",\"code\":2})");
    };
    struct row {
        std::string line;
        std::optional<bool> expected;
    };
    for (const auto& row : {row{own("true"), true}, {own("false"), false}, {check("role", "critical", "down"), {}}}) {
        CAPTURE(row.line);
        asked_agent at{{row.line}};
        REQUIRE(at.view.look("web", {}));
        CHECK(at.view.expected_now() == row.expected);
    }
}

TEST_CASE("handlers share an answer, but not for the last look before something is done") {
    asked_agent at{{check("role", "critical", "down")}};
    shared_by_handlers shared;
    using view = service_view<testing::fake_transport, bare_machine>;
    const auto asked = [&] { return at.consul.requests().size(); };
    std::vector<view> views(3, view{at.consul, at.here, at.options, &shared});
    for (auto& each : views) REQUIRE(each.look("web", {}));
    CHECK(asked() == 1);
    for (std::size_t i = 0; i < views.size(); ++i) {
        REQUIRE(views[i].ask_again());
        CHECK(asked() == 2 + i);
        CHECK(views[i].is_still_bad());
    }
    REQUIRE(views[0].look("web", {}));
    CHECK(asked() == 4);
    at.here.clock.advance(seconds(1));
    REQUIRE(views[0].look("web", {}));
    CHECK(asked() == 5);
}

TEST_CASE("the last look sees what has changed since the one that was shared") {
    testing::fake_transport consul;
    const auto answer = [](const std::string& said) {
        return http_response{200, R"({"role":{)" + said + R"(},"other":{)" + check("other", "critical", "") + "}}", {}};
    };
    consul.on(http_method::get, "/v1/agent/checks", answer(check("role", "critical", "down")));
    consul.on(http_method::get, "/v1/agent/checks", answer(check("role", "passing", "up")));
    bare_machine here;
    const watch_options options;
    shared_by_handlers shared;
    service_view<testing::fake_transport, bare_machine> view{consul, here, options, &shared};
    const snapshot_check listed{.node = "web1", .check_id = "role", .status = "critical", .service_id = "web"};
    REQUIRE(view.look("web", {listed}));
    CHECK(view.is_still_bad());
    REQUIRE(view.ask_again());
    std::erase_if(view.checks(), [](const auto& each) { return each.check_id == "other"; });
    CHECK_FALSE(view.is_still_bad());
}

TEST_CASE("an agent that does not answer in time is not available") {
    testing::fake_transport consul;
    consul.on(http_method::get, "/v1/agent/checks", unexpected{error{errc::timed_out, "late"}});
    bare_machine here;
    const watch_options options;
    service_view<testing::fake_transport, bare_machine> view{consul, here, options, nullptr};
    const auto seen = view.look("web", {});
    REQUIRE_FALSE(seen);
    CHECK(seen.error().code == errc::unavailable);
}
