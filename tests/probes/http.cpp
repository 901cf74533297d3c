#include <powerconsul/probes/http.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

TEST_CASE("web addresses") {
    struct row {
        std::string_view text;
        std::string_view origin;  ///< empty: refused
        std::string_view target;  ///< or why
    };
    const row rows[] = {
        {"http://web1", "http://web1:80", "/"},
        {"https://web1/", "https://web1:443", "/"},
        {"http://web1:8080/health?full=1", "http://web1:8080", "/health?full=1"},
        {"http://web1?x", "http://web1:80", "/?x"},
        {"http://web1/a#b", "http://web1:80", "/a"},
        {"http://[::1]:81/a", "http://[::1]:81", "/a"},
        {"http://[::1]", "http://[::1]:80", "/"},
        {"", "", "the scheme is neither http nor https"},
        {"web1/health", "", "the scheme is neither http nor https"},
        {"ftp://web1/", "", "the scheme is neither http nor https"},
        {"HTTP://web1/", "", "the scheme is neither http nor https"},
        {"http://", "", "the host is missing"},
        {"http://:80/", "", "the host is missing"},
        {"http://[]/", "", "the host is missing"},
        {"http://[::1/", "", "a ] is missing"},
        {"http://web1:/", "", "the port is not a number from 1 to 65535"},
        {"http://web1:0/", "", "the port is not a number from 1 to 65535"},
        {"http://web1:65536/", "", "the port is not a number from 1 to 65535"},
        {"http://web1:8o/", "", "the port is not a number from 1 to 65535"},
        {"ftp://bob:secret@web1/", "", "the scheme is neither http nor https"},
        {"http://bob:secret@web1/", "", "everybody can see"},
        {"http://web1/a b", "", "it has a character that must be percent-encoded"},
        {"http://web1/\n", "", "it has a character that must be percent-encoded"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.text);
        const auto read = parse_web_address(each.text);
        CHECK(read.has_value() == !each.origin.empty());
        if (read) {
            CHECK(read->origin() == each.origin);
            CHECK(read->target == each.target);
        } else {
            CHECK(read.error().code == errc::usage);
            CHECK(read.error().message.find(each.target) != std::string::npos);
            CHECK(read.error().message.find("secret") == std::string::npos);
        }
    }
}

TEST_CASE("a password in an address is not shown") {
    CHECK(without_password("http://web1/a") == "http://web1/a");
    CHECK(without_password("http://bob:secret@web1/a") == "http://...@web1/a");
    CHECK(without_password("ftp://bob:sec@ret@web1/a") == "ftp://...@web1/a");
    CHECK(without_password("bob:secret@web1") == "...@web1");
}

TEST_CASE("ranges of statuses") {
    CHECK(*parse_status_range("200-399") == status_range{});
    CHECK(*parse_status_range("204") == status_range{204, 204});
    CHECK(*parse_status_range("100-599") == status_range{100, 599});
    for (const std::string_view wrong :
         {"", "-", "200-", "-399", "399-200", "99", "200-600", "2xx", "200-299-399", " 200"}) {
        CAPTURE(wrong);
        const auto read = parse_status_range(wrong);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == errc::usage);
    }
}

TEST_CASE("a status in the range runs, another is degraded, a refused connection is stopped, all else is unknown") {
    struct row {
        std::string_view name;
        result<dialed> port;
        result<int> status;
        observation state;
        std::string_view reason;
    };
    const result<int> never = fail(errc::failed, "asked all the same");
    const row rows[] = {
        {"as it should be", dialed::accepted, 200, observation::running, "http://web1:80/ok answers with status 200"},
        {"the last good one", dialed::accepted, 399, observation::running, "http://web1:80/ok answers with status 399"},
        {"a wrong page", dialed::accepted, 404, observation::degraded, "http://web1:80/ok answers with status 404"},
        {"a broken server", dialed::accepted, 503, observation::degraded, "http://web1:80/ok answers with status 503"},
        {"refused", dialed::refused, never, observation::stopped, "http://web1:80/ok refuses connections"},
        {"no way", fail(errc::timed_out, "web1:80 did not answer in time"), never, observation::unknown,
         "web1:80 did not answer in time"},
        {"no answer", dialed::accepted, fail(errc::timed_out, "http://web1:80 did not answer"), observation::unknown,
         "http://web1:80 did not answer"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        testing::fake_network network;
        network.on("web1", 80, each.port).on("http://web1:80/ok", each.status);
        const observed seen = http_probe{{.where = *parse_web_address("http://web1/ok")}, network, network}();
        CHECK(seen.state == each.state);
        CHECK(seen.reason == each.reason);
    }
}
