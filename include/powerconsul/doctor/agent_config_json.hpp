#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/core/ascii.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/doctor/findings.hpp>
#include <powerconsul/json/value.hpp>

/// What `GET /v1/agent/self` shows of an agent's configuration, as Consul 1.8.7 writes it.
namespace powerconsul::inline v0::json {

/// A duration as Consul writes it: `10s`, `1m30s`, `500ms`. Nothing if it is something else, or more than the 292 years
/// that Go's type holds.
[[nodiscard]] constexpr auto parse_go_duration(std::string_view text) -> std::optional<milliseconds> {
    struct unit {
        std::string_view name;
        std::int64_t factor;
    };
    constexpr unit units[] = {{"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    while (!text.empty()) {
        std::int64_t count = 0;
        std::size_t digits = 0;
        for (; digits < text.size() && ascii::is_digit(text[digits]); ++digits) {
            if (digits > 9) return std::nullopt;
            count = count * 10 + (text[digits] - '0');
        }
        if (digits == 0) return std::nullopt;
        text.remove_prefix(digits);
        if (text.starts_with('.')) {  // fractions of a second do not matter here
            text.remove_prefix(1);
            while (!text.empty() && ascii::is_digit(text.front())) text.remove_prefix(1);
        }
        std::int64_t factor = 0;
        for (const auto& each : units) {
            if (factor != 0 || !text.starts_with(each.name)) continue;
            factor = each.factor;
            text.remove_prefix(each.name.size());
        }
        if (factor == 0) return std::nullopt;
        total += count * factor;
        if (total > INT64_MAX / 1'000'000) return std::nullopt;
    }
    return milliseconds{total};
}

namespace detail {

[[nodiscard]] inline auto text_of(const value& object, std::string_view name) -> std::string {
    const std::string* const found = member_text(object, name);
    return found == nullptr ? std::string{} : *found;
}

[[nodiscard]] inline auto flag_of(const value* object, std::string_view name) -> std::optional<bool> {
    const value* const found = object == nullptr ? nullptr : object->find(name);
    return found != nullptr && found->is(kind::boolean) ? std::optional{found->boolean} : std::nullopt;
}

/// Adds the check if it runs a program; an HTTP check, for example, does not.
inline void add_check(const value& definition, std::string_view service, std::vector<configured_check>& all) {
    constexpr milliseconds consul_default = seconds(30);
    configured_check next;
    next.id = text_of(definition, "CheckID");
    if (next.id.empty()) next.id = text_of(definition, "ID");
    if (next.id.empty()) next.id = service.empty() ? text_of(definition, "Name") : "service:" + std::string{service};
    next.service = service;
    const value* const words = definition.find("ScriptArgs");
    if (words == nullptr || !words->is(kind::array) || words->items.empty()) return;
    for (const value& word : words->items) next.words.push_back(word.text);
    next.timeout = parse_go_duration(text_of(definition, "Timeout")).value_or(milliseconds{});
    if (next.timeout.count == 0) next.timeout = consul_default;
    all.push_back(std::move(next));
}

[[nodiscard]] inline auto checks_of(const value& config) -> std::optional<std::vector<configured_check>> {
    const value* const services = config.find("Services");
    const value* const checks = config.find("Checks");
    if (services == nullptr || checks == nullptr) return std::nullopt;
    std::vector<configured_check> all;
    std::vector<std::pair<std::string, std::string>> names;
    for (const value& each : services->items) {
        const std::string name = text_of(each, "Name");
        const std::string id = text_of(each, "ID");
        names.emplace_back(id.empty() ? name : id, name);
        if (const value* const one = each.find("Check"); one != nullptr) add_check(*one, name, all);
        if (const value* const more = each.find("Checks"); more != nullptr) {
            for (const value& check : more->items) add_check(check, name, all);
        }
    }
    for (const value& each : checks->items) {
        std::string service = text_of(each, "ServiceID");
        for (const auto& [id, name] : names) {
            if (id == service) service = name;
        }
        add_check(each, service, all);
    }
    return all;
}

}  // namespace detail

/// Fails with errc::bad_data if name or datacenter is missing. Any other missing member is nothing or empty, not false.
[[nodiscard]] inline auto decode_agent_config(std::string_view body) -> result<agent_config> {
    const auto facts = decode_agent(body);
    if (!facts) return unexpected{facts.error()};
    const auto root = parse(body);
    agent_config agent{.node = facts->node, .datacenter = facts->datacenter};
    agent.version = detail::text_of(*root->find("Config"), "Version");
    const value* const config = root->find("DebugConfig");
    if (config == nullptr) return agent;
    agent.data_dir = detail::text_of(*config, "DataDir");
    agent.local_scripts = detail::flag_of(config, "EnableLocalScriptChecks");
    agent.remote_scripts = detail::flag_of(config, "EnableRemoteScriptChecks");
    agent.checks = detail::checks_of(*config);
    return agent;
}

}  // namespace powerconsul::inline v0::json
