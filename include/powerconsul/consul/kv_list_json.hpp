#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/consul/answers_json.hpp>
#include <powerconsul/core/base64.hpp>
#include <powerconsul/json/value.hpp>

namespace powerconsul::inline v0 {

/// One key of a list of keys, with its value.
struct listed_key {
    std::string key{};
    std::string value{};
    std::size_t offset{};  ///< where its entry stands in the text that was decoded
};

}  // namespace powerconsul::inline v0

namespace powerconsul::inline v0::json {

/// `GET /v1/kv/<prefix>?recurse`: every key that the token may read and that begins with the prefix. An entry that is
/// not of that shape or does not begin with it fails the whole list: half a list would look like all of it. Fails with
/// errc::bad_data.
[[nodiscard]] inline auto decode_kv_list(std::string_view body, std::string_view prefix)
    -> result<std::vector<listed_key>> {
    const auto root = parse(body);
    if (!root) return unexpected{root.error()};
    if (!root->is(kind::array)) return detail::misshapen("expected a list of keys");
    std::vector<listed_key> found;
    for (const value& entry : root->items) {
        const std::string* const name = detail::member_text(entry, "Key");
        const value* const content = entry.find("Value");
        if (name == nullptr || content == nullptr || !(content->is(kind::string) || content->is(kind::null))) {
            return detail::misshapen("expected Key and Value in each entry");
        }
        if (!name->starts_with(prefix)) {
            return detail::misshapen("asked for keys below " + quoted(prefix) + ", got " + quoted(*name));
        }
        auto decoded = base64_decoded(content->text);
        if (!decoded) return fail(errc::bad_data, "the value of " + quoted(*name) + ": " + decoded.error().message);
        found.push_back({*name, std::move(*decoded), entry.offset});
    }
    return found;
}

/// Whether a text is what `consul kv export` writes: a list of objects with `key` and `value`, perhaps of none.
[[nodiscard]] inline auto is_kv_export(const value& root) -> bool {
    if (!root.is(kind::array)) return false;
    for (const value& each : root.items) {
        if (each.find("key") == nullptr || each.find("value") == nullptr) return false;
    }
    return true;
}

/// The keys of an export; what is wrong with an entry is added to `problems`, and the entry left out.
[[nodiscard]] inline auto decode_kv_export(const value& root, std::vector<problem>& problems)
    -> std::vector<listed_key> {
    std::vector<listed_key> found;
    for (const value& entry : root.items) {
        const value& content = *entry.find("value");
        const std::string* const name = detail::member_text(entry, "key");
        const auto wrong = [&](const value& at, const std::string& where, const std::string& what) {
            problems.push_back({where, at.offset, what, at.offset});
        };
        if (name == nullptr) {
            wrong(*entry.find("key"), "key", "expected the name of a key");
        } else if (!content.is(kind::string) && !content.is(kind::null)) {
            wrong(content, "value", "expected base64, found " + std::string{described(content.type)});
        } else if (auto decoded = base64_decoded(content.text); !decoded) {
            wrong(content, "the value of " + quoted(*name), decoded.error().message);
        } else {
            found.push_back({*name, std::move(*decoded), entry.offset});
        }
    }
    return found;
}

}  // namespace powerconsul::inline v0::json
