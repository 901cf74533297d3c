#include <powerconsul/checks/noop.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include <powerconsul/testing/fakes.hpp>

using namespace powerconsul;

namespace {

constexpr std::int64_t made = 1'795'381'020;  // 2026-11-22T20:57:00Z
constexpr std::int64_t hour = 3600;

struct world {
    testing::memory_files files{};
    testing::manual_clock time{};

    [[nodiscard]] auto look(std::int64_t age, std::optional<milliseconds> max_age = {},
                            file_kind kind = file_kind::regular) -> noop_sighting {
        files.put("/run/deploy", "", {kind, 0600, 0, 0, 0, made});
        time.set_wall(seconds(made + age));
        return look_for_noop(files, time, {"/run/deploy", max_age});
    }
};

}  // namespace

TEST_CASE("the file counts by what it is and how old it is") {
    using enum noop_state;
    struct row {
        std::string_view name;
        std::int64_t age;
        std::optional<milliseconds> max_age;
        noop_state state;
        std::string_view reason;
    };
    const row rows[] = {
        {"new", 0, {}, present, "of 2026-11-22T20:57:00Z is there, less than an hour old"},
        {"an hour less a second", hour - 1, {}, present, "less than an hour old"},
        {"an hour", hour, {}, present, "is there, an hour old"},
        {"two hours less a second", 2 * hour - 1, {}, present, "is there, an hour old"},
        {"two hours", 2 * hour, {}, present, "is there, 2 hours old"},
        {"47 hours", 48 * hour - 1, {}, present, "47 hours old"},
        {"two days", 48 * hour, {}, present, "is there, 2 days old"},
        {"years, without a greatest age", 24 * hour * 3650, {}, present, "3650 days old"},
        {"within the greatest age", hour, seconds(hour), present, "is there, an hour old"},
        {"a second too old", hour + 1, seconds(hour), ignored, "is an hour old and no longer counts: remove it"},
        {"no age is allowed", 1, seconds(0), ignored, "no longer counts"},
        {"a clock that is a little behind", -60, seconds(hour), present, "less than an hour old"},
        {"from the future", -61, {}, present, "from the future"},
        {"from the future, and it would never grow old", -61, seconds(hour), ignored, "it lies in the future"},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        world now;
        const auto seen = now.look(each.age, each.max_age);
        CHECK(seen.state == each.state);
        CAPTURE(seen.reason);
        CHECK(seen.reason.starts_with("the noop file \"/run/deploy\" of 2026-11-22T20:57:00Z "));
        CHECK(seen.reason.find(each.reason) != std::string::npos);
    }
}

TEST_CASE("the reason stays the same for an hour, and then for a day") {
    world now;
    CHECK(now.look(5).reason == now.look(hour - 1).reason);
    CHECK(now.look(72 * hour).reason == now.look(96 * hour - 1).reason);
    CHECK(now.look(hour - 1).reason != now.look(hour).reason);
}

TEST_CASE("what is no regular file does not count, and what cannot be looked at is unknown") {
    world now;
    for (const auto kind : {file_kind::directory, file_kind::symlink, file_kind::other}) {
        const auto seen = now.look(0, {}, kind);
        CHECK(seen.state == noop_state::ignored);
        CHECK(seen.reason == "the noop file \"/run/deploy\" does not count: a regular file is expected");
    }
    now.files.fail_on("/run/deploy", {errc::io, "permission denied"});
    const auto seen = look_for_noop(now.files, now.time, {"/run/deploy", {}});
    CHECK(seen.state == noop_state::unknown);
    CHECK(seen.reason == "the noop file \"/run/deploy\": permission denied");
    CHECK(look_for_noop(now.files, now.time, {"/run/other", {}}).state == noop_state::absent);
    now.files.fail_on("", {errc::io, "no such file"});
    CHECK(look_for_noop(now.files, now.time, {}).state == noop_state::absent);
    CHECK(noop_sighting{}.state == noop_state::absent);
}

TEST_CASE("times outside of the calendar do not matter") {
    world now;
    for (const auto modified :
         {std::numeric_limits<std::int64_t>::min() / 2, std::numeric_limits<std::int64_t>::max() / 2}) {
        now.files.put("/run/deploy", "", {file_kind::regular, 0600, 0, 0, 0, modified});
        now.time.set_wall(seconds(made));
        const auto seen = look_for_noop(now.files, now.time, {"/run/deploy", {}});
        CHECK(seen.state == noop_state::present);
        CHECK(seen.reason.find("of an unknown time") != std::string::npos);
    }
}
