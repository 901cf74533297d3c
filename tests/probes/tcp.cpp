#include <powerconsul/probes/tcp.hpp>

#include <doctest/doctest.h>

#include <string_view>

#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

TEST_CASE("a port that accepts runs, one that refuses is stopped, and everything else is unknown") {
    struct row {
        std::string_view name;
        result<dialed> answer;
        observation state;
        std::string_view reason;
    };
    const row rows[] = {
        {"accepted", dialed::accepted, observation::running, "port 5432 of db accepts connections"},
        {"refused", dialed::refused, observation::stopped, "port 5432 of db refuses connections"},
        {"no answer", fail(errc::timed_out, "db:5432 did not answer in time"), observation::unknown,
         "db:5432 did not answer in time"},
        {"no such name", fail(errc::unavailable, "the name \"db\": Name or service not known"), observation::unknown,
         "the name \"db\": Name or service not known"},
        {"no socket", fail(errc::io, "cannot connect to db:5432: Too many open files"), observation::unknown,
         "cannot connect to db:5432: Too many open files"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        testing::fake_network network;
        network.on("db", 5432, each.answer);
        const observed seen = tcp_probe{{.host = "db", .port = 5432}, network}();
        CHECK(seen.state == each.state);
        CHECK(seen.reason == each.reason);
    }
}
