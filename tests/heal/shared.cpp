#include <powerconsul/heal/shared.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;
using testing::fake_transport;
using testing::manual_clock;

TEST_CASE("of those that wait, the one that was due first is next, as long as it goes on asking") {
    turn_list turns;
    const auto ask = [&](const char* service, std::int64_t due, std::int64_t now) {
        return turns.is_next(service, seconds(due), seconds(now));
    };
    CHECK(ask("web", 20, 0));
    CHECK(ask("mail", 10, 0));
    CHECK_FALSE(ask("web", 20, 1));
    CHECK(ask("mail", 10, 1));
    // Whoever has got a place waits no more.
    turns.leave("mail");
    CHECK(ask("web", 20, 2));
    CHECK_FALSE(ask("db", 30, 2));
    // Nor does whoever no longer asks.
    CHECK_FALSE(ask("db", 30, 4));
    CHECK(ask("db", 30, 5));
    // Its own earlier question keeps nobody waiting, and of equal ones each may be next.
    CHECK(ask("db", 40, 5));
    CHECK(ask("cache", 40, 5));
    CHECK(ask("db", 40, 5));
    turns.leave("nobody");
    CHECK_FALSE(ask("late", 41, 6));
}

TEST_CASE("the agent is asked once a second, however many want to know") {
    fake_transport agent;
    const auto answer = [](const std::string& id) {
        return http_response{
            200,
            R"({")" + id + R"(":{"Node":"web1","CheckID":")" + id + R"(","Status":"critical","ServiceName":"web"}})",
            {}};
    };
    agent.on(http_method::get, "/v1/agent/checks", answer("a"));
    agent.on(http_method::get, "/v1/agent/checks", fail(errc::unavailable, "gone"));
    agent.on(http_method::get, "/v1/agent/checks", answer("b"));
    manual_clock time;
    agent_cache cache;
    const auto ask = [&]() -> std::string {
        consul_client<fake_transport&, manual_clock&> consul{agent, time, time.monotonic() + seconds(5)};
        const auto checks = cache.checks(consul, time);
        return checks ? checks->at(0).check_id : "error " + checks.error().message;
    };
    CHECK(cache.answered({7}) == milliseconds{7});
    time.advance(seconds(3));
    CHECK(ask() == "a");
    time.advance({999});
    CHECK(ask() == "a");
    CHECK(agent.requests().size() == 1);
    time.advance({1});
    // A failure is an answer for a second, too, but none from the agent.
    CHECK(ask() == "error gone");
    time.advance({999});
    CHECK(ask() == "error gone");
    CHECK(agent.requests().size() == 2);
    CHECK(cache.answered({}) == seconds(3));
    time.advance({1});
    CHECK(ask() == "b");
    CHECK(cache.answered({}) == seconds(5));
    CHECK(agent.requests().size() == 3);
}

TEST_CASE("of an answer a look at a service needs the node's checks, the service's and those that were listed") {
    const auto of = [](const std::string& service, const std::string& id) {
        snapshot_check made;
        made.service_name = service;
        made.check_id = id;
        return made;
    };
    const agent_answer answer{{of("web", "w2"), of("", "serfHealth"), of("mail", "m1"), of("web", "w1"),
                               of("webmail", "x"), of("", "_node_maintenance"), of("we", "y")}};
    struct row {
        std::string service;
        std::vector<std::string> ids, expected;
    };
    for (const auto& row : {row{"web", {}, {"w2", "serfHealth", "w1", "_node_maintenance"}},
                            row{"web", {"w1", "m1", "none"}, {"w2", "serfHealth", "m1", "w1", "_node_maintenance"}},
                            row{"mail", {"m1", "m1"}, {"serfHealth", "m1", "_node_maintenance"}},
                            row{"none", {}, {"serfHealth", "_node_maintenance"}},
                            row{"", {"y"}, {"serfHealth", "_node_maintenance", "y"}}}) {
        CAPTURE(row.service);
        std::vector<std::string> found;
        for (const auto& each : answer.about(row.service, row.ids)) found.push_back(each.check_id);
        CHECK(found == row.expected);
    }
    CHECK(answer.checks().size() == 7);
    CHECK(agent_answer{}.about("web", {}).empty());
}

TEST_CASE("what the agent has answered to another question is not asked again for a second") {
    fake_transport agent;
    agent.on(http_method::get, "/v1/agent/checks", 200, "{}");
    manual_clock time;
    agent_cache cache;
    const auto ask = [&] {
        consul_client<fake_transport&, manual_clock&> consul{agent, time, time.monotonic() + seconds(5)};
        const auto checks = cache.checks_about(consul, time, "web", {});
        REQUIRE(checks);
        return checks->size();
    };
    snapshot_check known;
    known.service_name = "web";
    const auto at = time.monotonic();
    time.advance({400});
    cache.keep({known}, at);
    CHECK(ask() == 1);
    time.advance({599});
    CHECK(ask() == 1);
    CHECK(agent.requests().empty());
    CHECK(cache.answered(seconds(9)) == at);
    time.advance({1});
    CHECK(ask() == 0);
    CHECK(agent.requests().size() == 1);
}

TEST_CASE("so many ask at one time, and the others once one of them has done") {
    asking_gate gate;
    std::atomic<std::size_t> inside{0};
    std::atomic<std::size_t> most{0};
    std::atomic<std::size_t> done{0};
    std::vector<std::thread> all;
    for (std::size_t i = 0; i < 3 * asking_gate::most; ++i) {
        all.emplace_back([&] {
            const asking_gate::pass pass{gate};
            const std::size_t now = ++inside;
            for (std::size_t seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
            }
            // The first ones stay until all places are taken, so that none is left over.
            while (most < asking_gate::most) std::this_thread::yield();
            --inside;
            ++done;
        });
    }
    for (auto& each : all) each.join();
    CHECK(most == asking_gate::most);
    CHECK(done == 3 * asking_gate::most);
}

TEST_CASE("the second is counted from the end of an answer that took its time") {
    struct slow {
        manual_clock& time;
        int asked{};
        auto perform(const http_request&) -> result<http_response> {
            ++asked;
            time.advance(seconds(4));
            return http_response{200, "{}", {}};
        }
    };
    manual_clock time;
    slow agent{time};
    agent_cache cache;
    for (int i = 0; i < 10; ++i) {
        consul_client<slow&, manual_clock&> consul{agent, time, time.monotonic() + seconds(5)};
        CHECK(cache.checks(consul, time));
        time.advance({100});
    }
    CHECK(agent.asked == 1);
    CHECK(cache.answered({}) == seconds(4));
}
