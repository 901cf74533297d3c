#include <powerconsul/consul/health.hpp>

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace powerconsul;

namespace {

using enum health;

constexpr health all[] = {passing, warning, unknown, critical, maintenance};

/// worse(row, column) in the order of `all`.
constexpr health worse_of[5][5] = {
    {passing, warning, unknown, critical, maintenance},
    {warning, warning, unknown, critical, maintenance},
    {unknown, unknown, unknown, critical, maintenance},
    {critical, critical, critical, critical, maintenance},
    {maintenance, maintenance, maintenance, maintenance, maintenance},
};

struct serves_row {
    health state;
    actives on_critical;
    actives on_warning;
};
constexpr serves_row serving[] = {
    {passing, actives::serving, actives::serving},
    {warning, actives::serving, actives::none_serving},
    {unknown, actives::unknown, actives::unknown},
    {critical, actives::none_serving, actives::none_serving},
    {maintenance, actives::none_serving, actives::none_serving},
};

constexpr actives groups[] = {actives::unknown, actives::none_serving, actives::serving};

/// together(row, column) in the order of `groups`.
constexpr actives together_of[3][3] = {
    {actives::unknown, actives::unknown, actives::serving},
    {actives::unknown, actives::none_serving, actives::serving},
    {actives::serving, actives::serving, actives::serving},
};

struct check_row {
    std::string_view id;
    std::string_view status;
    health state;
};
constexpr check_row checks[] = {
    {"service:web", "passing", passing},
    {"service:web", "warning", warning},
    {"service:web", "critical", critical},
    {"service:web", "maintenance", unknown},
    {"service:web", "Passing", unknown},
    {"service:web", "any", unknown},
    {"service:web", "", unknown},
    {"serfHealth", "critical", critical},
    {"_node_maintenance", "critical", maintenance},
    {"_node_maintenance", "passing", maintenance},
    {"_node_maintenance2", "passing", passing},
    {"_service_maintenance:web", "critical", maintenance},
    {"_service_maintenance", "critical", critical},
    {"my_service_maintenance:web", "critical", critical},
};

constexpr auto tables_hold() -> bool {
    for (unsigned a = 0; a < 5; ++a) {
        for (unsigned b = 0; b < 5; ++b) {
            if (worse(all[a], all[b]) != worse_of[a][b]) return false;
        }
        if (serving[a].state != all[a]) return false;
        if (serves(all[a], takeover::on_critical) != serving[a].on_critical) return false;
        if (serves(all[a], takeover::on_warning) != serving[a].on_warning) return false;
    }
    for (unsigned a = 0; a < 3; ++a) {
        for (unsigned b = 0; b < 3; ++b) {
            if (together(groups[a], groups[b]) != together_of[a][b]) return false;
        }
    }
    for (const auto& row : checks) {
        if (check_health(row.id, row.status) != row.state) return false;
    }
    return true;
}
static_assert(tables_hold());

constexpr auto words_hold() -> bool {
    return to_string(passing) == "passing" && to_string(warning) == "warning" && to_string(unknown) == "unknown" &&
           to_string(critical) == "critical" && to_string(maintenance) == "in maintenance";
}
static_assert(words_hold());

}  // namespace

TEST_CASE("the worse of two states, over all pairs") {
    for (unsigned a = 0; a < 5; ++a) {
        for (unsigned b = 0; b < 5; ++b) {
            CAPTURE(to_string(all[a]));
            CAPTURE(to_string(all[b]));
            CHECK(worse(all[a], all[b]) == worse_of[a][b]);
        }
    }
}

TEST_CASE("whether one active serves, over all states and both rules") {
    for (const auto& row : serving) {
        CAPTURE(to_string(row.state));
        CHECK(serves(row.state, takeover::on_critical) == row.on_critical);
        CHECK(serves(row.state, takeover::on_warning) == row.on_warning);
    }
    bool (*volatile const words)() = words_hold;  // called by name it would be folded, and run nothing
    CHECK(words());
    CHECK(to_string(static_cast<health>(99)) == "unknown");
    CHECK(serves(static_cast<health>(99), takeover::on_critical) == actives::unknown);
}

TEST_CASE("two groups of actives together, over all pairs") {
    for (unsigned a = 0; a < 3; ++a) {
        for (unsigned b = 0; b < 3; ++b) {
            CAPTURE(to_string(groups[a]));
            CAPTURE(to_string(groups[b]));
            CHECK(together(groups[a], groups[b]) == together_of[a][b]);
        }
    }
}

TEST_CASE("a check's health comes from its id and status") {
    for (const auto& row : checks) {
        CAPTURE(row.id);
        CAPTURE(row.status);
        CHECK(check_health(row.id, row.status) == row.state);
    }
}

TEST_CASE("an instance is as well as its worst check, wherever that stands") {
    struct row {
        std::string_view name;
        std::vector<check_state> checks;
        health state;
    };
    const row rows[] = {
        {"no check", {}, passing},
        {"one", {{"a", warning}}, warning},
        {"dead node, its service check still passing", {{"serfHealth", critical}, {"service:web", passing}}, critical},
        {"the same in the other order", {{"service:web", passing}, {"serfHealth", critical}}, critical},
        {"maintenance beats critical", {{"_node_maintenance", maintenance}, {"service:web", critical}}, maintenance},
        {"an undocumented status beats warning", {{"a", warning}, {"b", unknown}, {"c", passing}}, unknown},
        {"critical beats an undocumented status", {{"a", unknown}, {"b", critical}, {"c", unknown}}, critical},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(worst(each.checks) == each.state);
    }
    CHECK_MESSAGE(check_state{}.state == unknown, "a check that nobody read is not passing");
}

TEST_CASE("an active serves if none of its checks says otherwise, and does not if one surely does") {
    struct row {
        std::string_view name;
        std::vector<check_state> checks;
        actives on_critical;
        actives on_warning;
    };
    using enum actives;
    const row rows[] = {
        {"no check", {}, actives::serving, actives::serving},
        {"all pass", {{"a", passing}, {"b", passing}}, actives::serving, actives::serving},
        {"a warning", {{"a", passing}, {"b", warning}}, actives::serving, none_serving},
        {"one is not known", {{"a", passing}, {"b", health::unknown}}, actives::unknown, actives::unknown},
        {"one is not known, one warns", {{"a", health::unknown}, {"b", warning}}, actives::unknown, none_serving},
        {"one is not known, one critical", {{"a", health::unknown}, {"b", critical}}, none_serving, none_serving},
        {"the same in the other order", {{"b", critical}, {"a", health::unknown}}, none_serving, none_serving},
        {"in maintenance", {{"a", health::unknown}, {"b", maintenance}}, none_serving, none_serving},
    };
    for (const auto& each : rows) {
        CAPTURE(each.name);
        CHECK(serves(each.checks, takeover::on_critical) == each.on_critical);
        CHECK(serves(each.checks, takeover::on_warning) == each.on_warning);
    }
}
