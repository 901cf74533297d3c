#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <powerconsul/core/result.hpp>
#include <powerconsul/ports/accounts.hpp>

namespace powerconsul::inline v0::testing {

/// Users and groups that a test makes up. Models `account_source`.
class memory_accounts {
public:
    auto add_user(std::string name, std::uint32_t id) -> memory_accounts& {
        users_.insert_or_assign(std::move(name), id);
        return *this;
    }
    auto add_group(std::string name, std::uint32_t id) -> memory_accounts& {
        groups_.insert_or_assign(std::move(name), id);
        return *this;
    }

    /// Every call fails with this error until `heal`.
    void fail_with(error why) { failure_ = std::move(why); }
    void heal() { failure_.reset(); }

    [[nodiscard]] auto user_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        return id_of(users_, name);
    }
    [[nodiscard]] auto group_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        return id_of(groups_, name);
    }
    [[nodiscard]] auto user_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return name_of(users_, id);
    }
    [[nodiscard]] auto group_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return name_of(groups_, id);
    }

private:
    using ids = std::map<std::string, std::uint32_t>;

    [[nodiscard]] auto id_of(const ids& known, const std::string& name) const -> result<std::optional<std::uint32_t>> {
        if (failure_) return unexpected{*failure_};
        const auto at = known.find(name);
        return at == known.end() ? std::optional<std::uint32_t>{} : std::optional{at->second};
    }
    [[nodiscard]] auto name_of(const ids& known, std::uint32_t id) const -> result<std::optional<std::string>> {
        if (failure_) return unexpected{*failure_};
        for (const auto& [name, number] : known) {
            if (number == id) return std::optional{name};
        }
        return std::optional<std::string>{};
    }

    ids users_{};
    ids groups_{};
    std::optional<error> failure_{};
};

static_assert(account_source<memory_accounts>);

}  // namespace powerconsul::inline v0::testing
