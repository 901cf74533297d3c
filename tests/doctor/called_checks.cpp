#include <powerconsul/doctor/called_checks.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "scene.hpp"

using namespace powerconsul;

namespace {

struct cannot_configure {
    [[nodiscard]] static auto find_words(const scene::words&) -> config::command_words { return {}; }
    [[nodiscard]] static auto parse(const scene::words&) -> result<config::arguments> { return config::arguments{}; }
    [[nodiscard]] static auto validate(const config::arguments&) -> result<void> { return {}; }
};

static_assert(command_reader<scene::front>);
static_assert(!command_reader<cannot_configure>);
static_assert(!command_reader<int>);

}  // namespace

TEST_CASE("a check that does not call powerconsul check is none to examine") {
    scene here;
    for (const scene::words& each :
         {scene::words{"/bin/true"}, {"powerconsul", "role"}, {"powerconsul"}, {"powerconsul", "lint", "refused"}}) {
        CHECK_FALSE(examine_check(here.machine, here.reader, {.id = "c", .words = each}).has_value());
    }
}

TEST_CASE("what a check comes down to, and why it cannot work") {
    scene here;
    struct row {
        scene::words call;
        std::string_view cause;
        std::string_view service;
    };
    const row rows[] = {
        {{"powerconsul", "check", "service", "consulservice", "web"}, "", "web"},
        {{"powerconsul", "check", "service", "refused", ""}, "no such option", ""},
        {{"/no/powerconsul", "check", "service"}, "/no/powerconsul is not there or cannot be executed", ""},
        {{"powerconsul", "check", "service"}, "the option -S/--consulservice is missing", ""},
        {{"powerconsul", "check", "service", "consulservice", "web", "invalid", ""}, "it cannot be carried out", "web"},
        {{"BROKEN=1", "powerconsul", "check", "service", "consulservice", "web"}, "no such file", "web"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.cause);
        const auto found = examine_check(here.machine, here.reader,
                                         {.id = "c", .service = "s", .words = row.call, .timeout = seconds(9)});
        REQUIRE(found);
        CHECK(found->id == "c");
        CHECK(found->timeout == seconds(9));
        CHECK(found->registered == "s");
        CHECK(found->cause == row.cause);
        CHECK(found->service() == row.service);
        const bool configured = row.cause.empty() || row.cause.find("carried") != std::string_view::npos ||
                                row.cause.find("missing") != std::string_view::npos;
        CHECK(found->chosen.has_value() == configured);
        CHECK(found->own_timeout == (configured ? seconds(8) : milliseconds{}));
    }
}
