#pragma once

#include <powerconsul/checks/kinds/all.hpp>
#include <powerconsul/consul/check_output.hpp>
#include <powerconsul/heal/rules.hpp>
#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0::heal {

namespace detail {

/// The options of a check as far as the line that it printed tells them.
struct printed_options {
    const json::value& line;
    std::vector<std::string> operands{};

    /// The system's crontabs are told by their first one.
    [[nodiscard]] auto has(std::string_view option) const -> bool {
        const json::value* const crontab = line.find("crontab");
        return option == "system" && crontab != nullptr && crontab->text == "/etc/crontab";
    }
    [[nodiscard]] auto value(std::string_view option) const -> std::optional<std::string> {
        constexpr std::pair<std::string_view, std::string_view> others[]{{"nagiosargs", "nagiosArgs"}};
        std::string_view member = option;
        for (const auto& [name, printed] : others) {
            if (name == option) member = printed;
        }
        const auto text_of = [&](std::string_view name) -> std::optional<std::string> {
            const json::value* const found = line.find(name);
            if (found == nullptr || !found->is(json::kind::string)) return std::nullopt;
            return found->text;
        };
        const json::value* const group = line.find("services");
        if (option == "service" && group != nullptr && group->is(json::kind::array)) {
            std::string names;
            for (const auto& each : group->items) names += (names.empty() ? "" : ",") + each.text;
            return names;
        }
        if (option == "user" && !has("system")) return text_of("crontab");
        return text_of(member);
    }
};

/// The line that a check has printed, if it tells all that is needed to look at the same thing: a service, a group of
/// services, a user's crontab or the system's. What else a check looks at needs options that it does not print, and so
/// does what it has shortened.
[[nodiscard]] inline auto told_subject(const json::value& line) -> bool {
    const json::value* const type = line.find("type");
    if (type == nullptr || !type->is(json::kind::string)) return false;
    for (const std::string_view name : {"service", "crontab", "user", "pattern"}) {
        const json::value* const said = line.find(name);
        if (said != nullptr && said->text.ends_with("...")) return false;
    }
    if (type->text == "crontab") return line.find("crontab") != nullptr && line.find("nagiosArgs") == nullptr;
    if (type->text == "servicegroup") {
        const json::value* const group = line.find("services");
        return group != nullptr && group->is(json::kind::array) && !group->items.empty() &&
               group->items.back().text != "...";
    }
    return type->text == "service" && line.find("service") != nullptr;
}

}  // namespace detail

/// Looks at the machine for what a check of ours has printed, and tells whether it is now as the check expected:
/// nothing if the line is none of ours, does not tell what to look at, or the look cannot tell. `now` is without what
/// is expected.
template <host Host>
[[nodiscard]] auto look_again(Host& here, std::string_view output, checks::circumstances now) -> std::optional<bool> {
    if (kind_of_output(output) != output_kind::own) return std::nullopt;
    const std::string_view last = powerconsul::detail::last_line(output);
    const std::size_t begin = std::min(last.find(R"({"type":)"), last.size());
    const auto line = json::parse(last.substr(begin), {.depth = 8, .values = 2'000});
    if (!line || !detail::told_subject(*line)) return std::nullopt;
    const json::value* const expects = line->find("expects");
    if (expects == nullptr || !expects->is(json::kind::boolean)) return std::nullopt;
    std::optional<bool> as_expected;
    checks::all_kinds::with(line->find("type")->text, [&]<typename Kind>(std::type_identity<Kind>) {
        const auto what = Kind::from(detail::printed_options{*line});
        if (!what.valid()) return;
        now.expects = expects->boolean ? expectation::running : expectation::stopped;
        const checks::sighting seen = what.look(here, now);
        bool all = true;
        bool known = true;
        for (const auto& each : seen.all) {
            // What is degraded may be as the check's own options demand, which it does not print.
            known = known && each.state != observation::unknown &&
                    !(expects->boolean && each.state == observation::degraded);
            all = all && each.state == (expects->boolean ? observation::running : observation::stopped);
        }
        if (known) as_expected = all;
    });
    return as_expected;
}

}  // namespace powerconsul::inline v0::heal
