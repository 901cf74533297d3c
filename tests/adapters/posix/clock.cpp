#include <powerconsul/adapters/posix/clock.hpp>

#include <doctest/doctest.h>

#include <ctime>

using namespace powerconsul;

TEST_CASE("the monotonic clock goes on by about the time that was waited") {
    const posix_clock clock;
    const auto before = clock.monotonic();
    const timespec wait{0, 30'000'000};
    ::nanosleep(&wait, nullptr);
    const auto waited = clock.monotonic() - before;
    CHECK(waited >= milliseconds{29});
    CHECK(waited < seconds(30));
}

TEST_CASE("the wall clock is the system's") {
    const auto before = static_cast<std::int64_t>(::time(nullptr));
    const auto wall = posix_clock{}.wall();
    CHECK(wall.count >= (before - 1) * 1000);
    CHECK(wall.count < (before + 60) * 1000);
}
