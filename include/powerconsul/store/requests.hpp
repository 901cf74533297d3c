#pragma once

#include <algorithm>
#include <utility>

#include <powerconsul/core/base64.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/store/data.hpp>

namespace powerconsul::inline v0 {

/// The first value of a query's parameter, decoded; empty if it has no value, std::nullopt if it is not there.
[[nodiscard]] inline auto query_parameter(std::string_view query, std::string_view name) -> std::optional<std::string> {
    while (!query.empty()) {
        std::string_view pair = next_part(query, '&');
        if (next_part(pair, '=') != name) continue;
        std::string text{pair};
        std::ranges::replace(text, '+', ' ');
        if (auto decoded = percent_decoded(text)) return decoded;  // Go drops a pair that it cannot decode
    }
    return std::nullopt;
}

/// A query's parameters sorted by name, as Go writes them, except for their encoding.
[[nodiscard]] inline auto sorted_query(std::string_view query) -> std::string {
    std::vector<std::string> pairs;
    while (!query.empty()) {
        const std::string_view pair = next_part(query, '&');
        if (!pair.empty()) pairs.push_back(std::string{pair} + (pair.find('=') == std::string_view::npos ? "=" : ""));
    }
    const auto name = [](std::string_view pair) { return pair.substr(0, pair.find('=')); };
    std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) { return name(a) < name(b); });
    std::string text;
    for (const auto& pair : pairs) text += (text.empty() ? "" : "&") + pair;
    return text;
}

/// Whether Go's ServeMux, and with it Consul, takes the decoded path as it is: no empty, `.` or `..` segment.
[[nodiscard]] constexpr auto is_clean_path(std::string_view path) -> bool {
    if (!path.starts_with('/')) return false;
    path.remove_prefix(1);
    while (!path.empty()) {
        const std::string_view segment = next_part(path, '/');
        if (segment.empty() || segment == "." || segment == "..") return false;
    }
    return true;
}

/// The clean form of a path, percent-encoded, as in the Location of a 301.
[[nodiscard]] inline auto cleaned_path(std::string_view path) -> std::string {
    std::vector<std::string_view> kept;
    const bool slash = path.ends_with('/');
    while (!path.empty()) {
        const std::string_view segment = next_part(path, '/');
        if (segment == ".." && !kept.empty()) kept.pop_back();
        if (!segment.empty() && segment != "." && segment != "..") kept.push_back(segment);
    }
    std::string text;
    for (const auto segment : kept) text += '/' + percent_encoded(segment);
    return slash || text.empty() ? text + '/' : text;
}

}  // namespace powerconsul::inline v0

/// Reads the bodies of requests to the embedded store. A wrong body fails with errc::bad_data; the answer begins as
/// Consul's and goes on in our own words. What Consul knows but the store does not is errc::usage. Names must be spelt
/// as in Consul's documentation, although Consul ignores case.
namespace powerconsul::inline v0::store_requests {

/// A length of time as Go writes it, without fractions: `90s`, `1h30m`, `0`.
[[nodiscard]] inline auto go_duration(std::string_view text) -> std::optional<milliseconds> {
    constexpr std::int64_t longest = INT64_MAX / 1'000'000;  // Go counts nanoseconds
    if (text == "0") return milliseconds{};
    if (text.empty()) return std::nullopt;
    milliseconds sum;
    while (!text.empty()) {
        const auto read = read_digits(text);
        text.remove_prefix(read.count);
        const std::string_view unit = text.substr(0, text.starts_with("ms") ? 2 : 1);
        const std::int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 3'600'000;
        if (read.count == 0 || (factor == 3'600'000 && unit != "h")) return std::nullopt;
        if (read.number > static_cast<std::uint64_t>((longest - sum.count) / factor)) return std::nullopt;
        sum.count += static_cast<std::int64_t>(read.number) * factor;
        text.remove_prefix(unit.size());
    }
    return sum;
}

[[nodiscard]] inline auto wrong(std::string_view name) -> unexpected {
    return fail(errc::bad_data, "wrong value of field " + std::string{name});
}

/// The operations of PUT /v1/txn.
[[nodiscard]] inline auto operations(std::string_view body) -> result<std::vector<kv_operation>> {
    const auto all = json::parse(body, {.depth = 8, .values = 10'000});
    if (!all) return unexpected{all.error()};
    std::vector<kv_operation> made;
    if (!all->is(json::kind::array) && !all->is(json::kind::null)) return wrong("TxnOps");
    for (const auto& each : all->items) {
        if (!each.is(json::kind::object)) return wrong("TxnOp");
        for (std::size_t i = 0; i < each.names.size(); ++i) {
            const std::string_view kind = each.names[i];
            if (kind == "Node" || kind == "Service" || kind == "Check") {
                return fail(errc::usage, "the embedded store does not know operations on a " + std::string{kind});
            }
            if (kind != "KV") return fail(errc::bad_data, "json: unknown field " + go_quoted(kind));
            if (each.items[i].is(json::kind::null)) continue;
            if (!each.items[i].is(json::kind::object)) return wrong(kind);
            auto& wanted = made.emplace_back();
            for (std::size_t k = 0; k < each.items[i].names.size(); ++k) {
                const std::string_view name = each.items[i].names[k];
                const auto& value = each.items[i].items[k];
                if (value.is(json::kind::null)) continue;
                if (name == "Flags" || name == "Index") {
                    const auto number = value.as_unsigned();
                    if (!number) return wrong(name);
                    (name == "Flags" ? wanted.flags : wanted.index) = *number;
                    continue;
                }
                auto* const into = name == "Verb"      ? &wanted.verb
                                   : name == "Key"     ? &wanted.key
                                   : name == "Value"   ? &wanted.bytes
                                   : name == "Session" ? &wanted.session
                                                       : nullptr;
                if (into == nullptr) return fail(errc::bad_data, "json: unknown field " + go_quoted(name));
                if (!value.is(json::kind::string)) return wrong(name);
                *into = value.text;
                if (name != "Value") continue;
                auto bytes = base64_decoded(value.text);
                if (!bytes) return unexpected{std::move(bytes).error()};
                wanted.bytes = *std::move(bytes);
            }
        }
    }
    return made;
}

/// The session that PUT /v1/session/create asks for; whatever the body does not say stays as in `made`. An empty body
/// says nothing.
[[nodiscard]] inline auto session(std::string_view body, store_session made) -> result<store_session> {
    if (body.empty()) return made;
    const auto all = json::parse(body, {.depth = 8, .values = 1'000});
    if (!all) return unexpected{all.error()};
    if (!all->is(json::kind::object) && !all->is(json::kind::null)) return wrong("Session");
    for (std::size_t i = 0; i < all->names.size(); ++i) {
        const std::string_view name = all->names[i];
        const auto& value = all->items[i];
        auto* const into = name == "Name"       ? &made.name
                           : name == "Node"     ? &made.node
                           : name == "TTL"      ? &made.ttl
                           : name == "Behavior" ? &made.behavior
                                                : nullptr;
        if (value.is(json::kind::null)) continue;
        if (into != nullptr) {
            if (!value.is(json::kind::string)) return wrong(name);
            *into = value.text;
        } else if (name == "LockDelay") {
            // A number counts nanoseconds, or seconds if it is below 1000.
            const auto number = static_cast<std::int64_t>(value.as_unsigned().value_or(UINT64_MAX));
            const auto given = value.is(json::kind::string) ? go_duration(value.text)
                               : number < 0                 ? std::nullopt
                               : number < 1000              ? std::optional{seconds(number)}
                                                            : std::optional{milliseconds{number / 1'000'000}};
            if (!given) return wrong(name);
            made.lock_delay = *given;
        } else if (name == "NodeChecks") {
            if (!value.is(json::kind::array)) return wrong(name);
            made.checks.clear();
            for (const auto& check : value.items) {
                if (!check.is(json::kind::string)) return wrong(name);
                made.checks.push_back(check.text);
            }
        } else if (name == "ServiceChecks" || name == "Checks") {
            return fail(errc::usage, "the embedded store does not know " + std::string{name} + " of a session");
        }
    }
    return made;
}

}  // namespace powerconsul::inline v0::store_requests
