#include <powerconsul/heal/report.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

/// `web: a b; mail:`
auto shown(const std::vector<listed_service>& all) -> std::string {
    std::string text;
    for (const auto& each : all) {
        if (!text.empty()) text += "; ";
        text += each.service + ':';
        for (const auto& check : each.checks) text += ' ' + check.check_id;
    }
    return text;
}

/// Words are `<service>/<check id>`.
auto checks(const std::vector<std::string>& words) -> std::vector<snapshot_check> {
    std::vector<snapshot_check> all;
    for (const auto& word : words) {
        snapshot_check made;
        made.service_name = word.substr(0, word.find('/'));
        made.check_id = word.substr(word.find('/') + 1);
        all.push_back(made);
    }
    return all;
}

}  // namespace

TEST_CASE("checks are put together by service, and known services without one are there too") {
    struct row {
        std::string_view name;
        std::vector<std::string> listed;
        std::vector<std::string> known;
        std::string_view shown;
    };
    const row rows[] = {
        {"nothing", {}, {}, ""},
        {"one", {"web/a"}, {}, "web: a"},
        {"in the order in which they come", {"web/b", "mail/c", "web/a"}, {}, "web: b a; mail: c"},
        {"known ones come behind", {"web/a"}, {"mail", "db"}, "web: a; mail:; db:"},
        {"known and listed is one", {"web/a", "mail/b"}, {"mail", "web"}, "web: a; mail: b"},
        {"known twice is one", {}, {"mail", "mail"}, "mail:"},
        {"a name that another begins with", {"web/a", "web2/a"}, {"we"}, "web: a; web2: a; we:"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.name);
        CHECK(shown(by_service(checks(row.listed), row.known)) == row.shown);
    }
}

TEST_CASE("what nobody set of a watch, and what nobody did") {
    const watch_options options;
    CHECK(options.state == bad_state::critical);
    CHECK(options.consul_time == seconds(5));
    CHECK(options.lock_wait == seconds(75));
    CHECK(options.at_once == 4);
    const handled_check nothing;
    CHECK(nothing.what == step::wait);
    CHECK(nothing.own == role::unknown);
    CHECK(nothing.as == role::unknown);
}
