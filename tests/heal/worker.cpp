#include <powerconsul/heal/worker.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "watched.hpp"

using namespace powerconsul;
using watched::lines;
using watched::node;

namespace {

constexpr const char* worker_lock = "/state/journal/worker-critical.lock";

/// A watch's handler with its worker behind it.
void handle_and_work(node& at, const lines& services) {
    REQUIRE(at.handle(services));
    heal::keep_trying(at.here, at.connect(), at.set);
}

[[nodiscard]] auto now(const node& at) -> std::int64_t {
    return at.here.clock.monotonic().count;
}

}  // namespace

TEST_CASE("it tries at each end of a back-off, and goes home when all attempts are made") {
    node at;
    at.set.watch.retry = {.backoff = seconds(10), .longest = seconds(60), .attempts = 5};
    at.is_critical("web");
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "10 web", "30 web", "70 web", "130 web"});
    CHECK(at.said("gave up").size() == 1);
    CHECK(now(at) == 190'000);
    // Free again for the next one, which finds nothing to do.
    CHECK(at.here.files.lock(worker_lock, {}));
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(now(at) == 190'000);
}

TEST_CASE("a short back-off does not make it busy") {
    node at;
    at.set.watch.retry = {.backoff = {1}, .longest = {1}, .attempts = 4};
    at.is_critical("web");
    handle_and_work(at, {"web"});
    CHECK(at.ran.size() == 4);
    CHECK(at.here.clock.slept == std::vector<std::int64_t>{500, 500, 500, 500});
}

TEST_CASE("it goes home once nothing is left that may be tried") {
    node at;
    at.set.watch.retry.backoff = seconds(60);
    at.is_critical("web");
    at.is_critical("mail");
    at.healing = [&](const std::string& service) {
        if (service == "web" || at.ran.size() == 3) at.is(service, store_status::passing, "well");
    };
    handle_and_work(at, {"web", "mail"});
    CHECK(at.ran == lines{"0 web", "0 mail", "60 mail"});
    CHECK(at.said("incident closed").size() == 2);
    CHECK(now(at) == 60'000);
}

TEST_CASE("incidents of the other state are another worker's") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.set.watch.state = bad_state::warning;
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.clock.slept.empty());
    CHECK(at.here.files.waits.back() ==
          std::pair{std::string{"/state/journal/worker-warning.lock"}, std::int64_t{2000}});
}

TEST_CASE("a look from time to time finds incidents of other handlers") {
    node at;
    at.set.watch.retry = {.backoff = seconds(600), .longest = seconds(600), .attempts = 2};
    at.is_critical("web");
    at.here.clock.meanwhile = [&, handled = false]() mutable {
        if (std::exchange(handled, true)) return;
        at.set.watch.retry.backoff = seconds(15);
        at.is_critical("mail");
        REQUIRE(at.handle({"mail"}));
        at.is("web", store_status::passing, "well");
    };
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "10 mail", "25 mail"});
    CHECK(at.said("incident closed").size() == 1);
    CHECK(at.said("gave up").size() == 1);
}

TEST_CASE("an agent that does not answer, or nobody to ask it, is tried again every ten seconds") {
    node at;
    at.set.watch.retry = {.backoff = seconds(1), .longest = seconds(1), .attempts = 2};
    at.is_critical("web");
    at.here.clock.meanwhile = [&] {
        at.consul.set_offline(now(at) < 15'000);
        at.unconnected.reset();
        if (now(at) > 15'000 && now(at) < 35'000) at.unconnected = error{errc::configuration, "no certificate"};
    };
    handle_and_work(at, {"web"});
    CHECK(at.here.clock.slept == std::vector<std::int64_t>{1000, 10'000, 10'000, 10'000, 10'000, 1000});
    CHECK(at.ran == lines{"0 web", "41 web"});
    CHECK(at.said("failed").empty());
}

TEST_CASE("what goes wrong with one service keeps it from hurrying") {
    node at;
    at.set.watch.retry = {.backoff = seconds(1), .longest = seconds(1), .attempts = 3};
    at.is_critical("web");
    at.is_critical("mail");
    REQUIRE(at.handle({"web"}));
    at.here.files.put("/state/journal/mail.json", "{}");
    at.here.files.fail_on("/state/journal/mail.json", {errc::io, "broken"});
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "1 web", "11 web"});
    // What cannot be read is all that there may be: six looks in vain, and then it is said.
    CHECK(at.said("failed").back() ==
          "error failed  critical error=the journals cannot be read; no further attempts are made until a handler is "
          "called again");
}

TEST_CASE("journals that cannot be read are given up after six looks") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.here.files.fail_on("/state/journal", {errc::io, "broken"});
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.clock.slept == std::vector<std::int64_t>(6, 10'000));
    CHECK(at.ran == lines{"0 web"});
    CHECK(at.said("failed") ==
          lines{"error failed  critical error=the journals cannot be read; no further attempts are "
                "made until a handler is called again"});

    // Five in a row are none too many.
    node other;
    other.set.watch.retry.attempts = 2;
    other.is_critical("web");
    REQUIRE(other.handle({"web"}));
    other.here.files.fail_on("/state/journal", {errc::io, "broken"});
    other.here.clock.meanwhile = [&] {
        if (now(other) == 50'000) other.here.files.heal("/state/journal");
    };
    heal::keep_trying(other.here, other.connect(), other.set);
    CHECK(other.ran == lines{"0 web", "50 web"});
    CHECK(other.said("failed").empty());
}

TEST_CASE("a second worker goes home after two seconds") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    const auto first = at.here.files.lock(worker_lock, {});
    REQUIRE(first);
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.files.waits.back() == std::pair{std::string{worker_lock}, std::int64_t{2000}});
    CHECK(at.here.clock.slept.empty());
    CHECK(at.said("failed").empty());
}

TEST_CASE("a lock that cannot be had is in the log") {
    node at;
    at.is_critical("web");
    REQUIRE(at.handle({"web"}));
    at.here.files.fail_on(worker_lock, {errc::io, "broken"});
    heal::keep_trying(at.here, at.connect(), at.set);
    CHECK(at.here.clock.slept.empty());
    CHECK(at.said("failed") ==
          lines{"error failed  critical error=broken; no further attempts are made until a handler is called again"});
}

TEST_CASE("it survives that there is not enough memory for a while") {
    node at;
    at.set.watch.retry = {.backoff = seconds(1), .longest = seconds(1), .attempts = 2};
    at.is_critical("web");
    at.here.clock.meanwhile = [&] { at.short_of_memory = now(at) < 30'000; };
    handle_and_work(at, {"web"});
    CHECK(at.ran == lines{"0 web", "41 web"});
    CHECK(at.said("failed").empty());

    node for_good;
    for_good.is_critical("web");
    REQUIRE(for_good.handle({"web"}));
    for_good.here.files.short_of_memory = true;
    heal::keep_trying(for_good.here, for_good.connect(), for_good.set);
    CHECK(for_good.here.clock.slept == std::vector<std::int64_t>(6, 10'000));
    CHECK(for_good.said("failed").size() == 1);
}
