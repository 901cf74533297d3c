#pragma once

#include <algorithm>
#include <map>
#include <utility>

#include <powerconsul/core/text.hpp>
#include <powerconsul/json/writer.hpp>

namespace powerconsul::inline v0 {

struct store_value {
    std::string bytes{};
    std::uint64_t flags{};
    std::string session{};       ///< the session that holds the key, empty if none does
    std::uint64_t lock_index{};  ///< how often the key was locked since it was last written without a lock
    std::uint64_t created{};
    std::uint64_t modified{};

    friend auto operator==(const store_value&, const store_value&) -> bool = default;
};

/// What a transaction, a PUT or a DELETE does with one key.
struct kv_operation {
    std::string verb{};  ///< in the words of Consul's transactions: `set`, `cas`, `lock`, ...
    std::string key{};
    std::string bytes{};
    std::uint64_t flags{};
    std::uint64_t index{};  ///< what `cas`, `delete-cas` and `check-index` compare
    std::string session{};
};

struct kv_outcome {
    const store_value* value{};  ///< what a transaction shows of the key; valid until the next change
    std::string problem{};       ///< why nothing was done, in Consul's words; empty if it was done
    bool is_error{};             ///< the operation itself is wrong, or else the key is not as it demands
};

/// A name in quotes. Go's %q differs from this in control characters only.
[[nodiscard]] inline auto go_quoted(std::string_view name) -> std::string {
    return json::writer{}.string(name).text();
}

/// The keys of one datacenter, with the indexes that Consul gives them. The caller passes the index of a change: it
/// must be above all earlier ones, or that of the same transaction. A call that changes nothing does not use it.
class store_keys {
public:
    using map = std::map<std::string, store_value, std::less<>>;

    [[nodiscard]] auto all() const -> const map& { return values_; }
    [[nodiscard]] auto find(std::string_view key) const -> const store_value* {
        const auto found = values_.find(key);
        return found == values_.end() ? nullptr : &found->second;
    }
    template <typename Function>
    void for_each(std::string_view prefix, Function&& function) const {
        for (auto at = values_.lower_bound(prefix); at != values_.end() && at->first.starts_with(prefix); ++at) {
            function(at->first, at->second);
        }
    }

    /// The index of the last change; 0 before the first.
    [[nodiscard]] auto index() const -> std::uint64_t { return index_; }
    /// The index of the last change below a prefix, deletions included, or of the last change of all if there is none.
    [[nodiscard]] auto index(std::string_view prefix) const -> std::uint64_t {
        if (prefix.empty()) return index_;
        std::uint64_t last = 0;
        for_each(prefix, [&](const auto&, const store_value& value) { last = std::max(last, value.modified); });
        for (auto at = deleted_.lower_bound(prefix); at != deleted_.end() && at->first.starts_with(prefix); ++at) {
            last = std::max(last, at->second);
        }
        return last != 0 ? last : index_;
    }

    /// Writes a value and sets its indexes. An identical value keeps those that it has.
    auto write(std::string_view key, store_value value, std::uint64_t at) -> const store_value& {
        auto found = values_.find(key);
        if (found == values_.end()) {
            value.created = value.modified = index_ = at;
            return values_.emplace(key, std::move(value)).first->second;
        }
        value.created = found->second.created;
        value.modified = found->second.modified;
        if (value == found->second) return found->second;
        value.modified = index_ = at;
        return found->second = std::move(value);
    }
    auto erase(std::string_view key, std::uint64_t at) -> bool {
        const auto found = values_.find(key);
        if (found == values_.end()) return false;
        values_.erase(found);
        deleted_.insert_or_assign(std::string{key}, at);
        index_ = at;
        return true;
    }
    void erase_tree(std::string_view prefix, std::uint64_t at) {
        const auto first = values_.lower_bound(prefix);
        const auto past =
            std::find_if(first, values_.end(), [&](const auto& each) { return !each.first.starts_with(prefix); });
        if (first == past) return;
        values_.erase(first, past);
        deleted_.insert_or_assign(std::string{prefix}, at);
        index_ = at;
    }

    /// Releases the keys that a session holds, or deletes them, and returns their names.
    auto end_session(std::string_view session, bool deletes, std::uint64_t at) -> std::vector<std::string> {
        std::vector<std::string> held;
        for (const auto& [key, value] : values_) {
            if (value.session == session) held.push_back(key);
        }
        for (const auto& key : held) {
            auto value = values_.find(key)->second;
            value.session.clear();
            deletes ? (void)erase(key, at) : (void)write(key, std::move(value), at);
        }
        return held;
    }

    /// Does an operation of a transaction. The caller makes sure that the session of a `lock` exists.
    auto apply(const kv_operation& wanted, std::uint64_t at) -> kv_outcome {
        const auto& [verb, key, bytes, flags, index, session] = wanted;
        const auto* const there = find(key);
        const std::uint64_t modified = there != nullptr ? there->modified : 0;
        const auto says = [&wanted](std::string_view before, std::string_view behind) {
            return kv_outcome{.problem = std::string{before} + go_quoted(wanted.key) + std::string{behind}};
        };
        if (verb == "set" || verb == "cas") {
            if (verb == "cas" && index != modified) return says("failed to set key ", ", index is stale");
            return {&write(key, {bytes, flags, there != nullptr ? there->session : ""}, at)};
        }
        if (verb == "lock") {
            if (there == nullptr) return {&write(key, {bytes, flags, session, 1}, at)};
            const bool is_free = there->session.empty();
            if (!is_free && there->session != session) return says("failed to lock key ", ", lock is already held");
            return {&write(key, {bytes, flags, session, there->lock_index + (is_free ? 1 : 0)}, at)};
        }
        if (verb == "unlock") {
            if (there == nullptr || there->session != session) {
                return says("failed to unlock key ", ", lock isn't held, or is held by another session");
            }
            return {&write(key, {bytes, flags, {}, there->lock_index}, at)};
        }
        if (verb == "delete" || verb == "delete-cas") {
            const bool is_stale = verb == "delete-cas" && there != nullptr && index != modified;
            if (is_stale) return says("failed to delete key ", ", index is stale");
            erase(key, at);
            return {};
        }
        if (verb == "delete-tree") return erase_tree(key, at), kv_outcome{};
        if (verb == "get-tree") return {};
        if (verb == "check-not-exists") return there == nullptr ? kv_outcome{} : says("key ", " exists");
        if (verb == "get") return there != nullptr ? kv_outcome{there} : says("key ", " doesn't exist");
        if (verb == "check-index") {
            if (there == nullptr) return says("failed to check index, key ", " doesn't exist");
            if (index == modified) return {there};
            return says("failed index check for key ",
                        ", current modify index " + std::to_string(modified) + " != " + std::to_string(index));
        }
        if (verb == "check-session") {
            if (there == nullptr) return says("failed to check session, key ", " doesn't exist");
            if (session == there->session) return {there};
            return says("failed session check for key ",
                        ", current session " + go_quoted(there->session) + " != " + go_quoted(session));
        }
        return {nullptr, "unknown KV verb " + go_quoted(verb), true};
    }

private:
    map values_{};
    std::map<std::string, std::uint64_t, std::less<>> deleted_{};  ///< index by key or prefix; never pruned
    std::uint64_t index_{};
};

}  // namespace powerconsul::inline v0
