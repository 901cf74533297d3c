#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <powerconsul/core/time.hpp>
#include <powerconsul/decision/terms.hpp>
#include <powerconsul/json/value.hpp>
#include <powerconsul/json/writer.hpp>

namespace powerconsul::inline v0 {

/// What was last read of a service's role, for the time when Consul cannot be read.
struct last_known {
    std::string key{};   ///< of the cluster document
    std::string node{};  ///< the name under which this node looked for itself
    role own{role::unknown};
    expectation expects{expectation::unknown};
    std::uint64_t document{};  ///< the document's ModifyIndex, 0 if there was none
    milliseconds at{};         ///< wall clock

    /// Whether all but the time is equal.
    [[nodiscard]] auto says_the_same_as(const last_known& other) const -> bool {
        return key == other.key && node == other.node && own == other.own && expects == other.expects &&
               document == other.document;
    }
};

}  // namespace powerconsul::inline v0

namespace powerconsul::inline v0::json {

[[nodiscard]] inline auto encode_last_known(const last_known& known) -> std::string {
    writer text;
    text.open_object();
    text.key("key").string(known.key);
    text.key("node").string(known.node);
    text.key("role").string(to_string(known.own));
    text.key("expects").string(to_string(known.expects));
    text.key("document").number(known.document);
    text.key("at").number(known.at.count);
    text.close_object();
    return text.text() + '\n';
}

/// Fails with errc::bad_data on anything that `encode_last_known` would not have written.
[[nodiscard]] inline auto decode_last_known(std::string_view text) -> result<last_known> {
    const auto root = parse(text);
    if (!root) return unexpected{root.error()};
    const auto member = [&](std::string_view name, kind type) -> const value* {
        const value* const found = root->find(name);
        return found != nullptr && found->is(type) ? found : nullptr;
    };
    const value* const key = member("key", kind::string);
    const value* const node = member("node", kind::string);
    const value* const own = member("role", kind::string);
    const value* const expects = member("expects", kind::string);
    const value* const document = member("document", kind::number);
    const value* const at = member("at", kind::number);
    const auto damaged = [] { return fail(errc::bad_data, "the record of the last known role is damaged"); };
    if (key == nullptr || node == nullptr || own == nullptr || expects == nullptr || document == nullptr ||
        at == nullptr) {
        return damaged();
    }
    last_known known{key->text, node->text, {}, {}, document->as_unsigned().value_or(0), {}};
    for (const role each : {role::standalone, role::primary, role::secondary}) {
        if (own->text == to_string(each)) known.own = each;
    }
    for (const expectation each : {expectation::running, expectation::stopped}) {
        if (expects->text == to_string(each)) known.expects = each;
    }
    const auto when = at->as_unsigned();
    if (!when || *when > INT64_MAX || !document->as_unsigned()) return damaged();
    known.at = {static_cast<std::int64_t>(*when)};
    if (encode_last_known(known) != text) return damaged();
    // Whoever has the active's place expects running, whatever a record says; only a standby has a choice.
    const bool undecided = known.own == role::unknown;
    if (undecided != (known.expects == expectation::unknown)) return damaged();
    if (!undecided && known.own != role::secondary && known.expects != expectation::running) return damaged();
    if (known.own == role::standalone && known.document != 0) return damaged();
    return known;
}

}  // namespace powerconsul::inline v0::json
