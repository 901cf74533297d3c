#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/accounts.hpp>

namespace powerconsul::inline v0 {

/// The machine's users and groups, wherever its name service switch looks them up. A directory service may take as long
/// as its own configuration allows. May be used by several threads at once.
class posix_accounts {
public:
    [[nodiscard]] auto user_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        if (cannot_be(name)) return std::optional<std::uint32_t>{};
        return look_up<std::uint32_t>("user " + quoted(name), &::passwd::pw_uid,
                                      [&](auto... rest) { return ::getpwnam_r(name.c_str(), rest...); });
    }
    [[nodiscard]] auto group_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        if (cannot_be(name)) return std::optional<std::uint32_t>{};
        return look_up<std::uint32_t>("group " + quoted(name), &::group::gr_gid,
                                      [&](auto... rest) { return ::getgrnam_r(name.c_str(), rest...); });
    }
    [[nodiscard]] auto user_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return look_up<std::string>("user " + std::to_string(id), &::passwd::pw_name,
                                    [&](auto... rest) { return ::getpwuid_r(id, rest...); });
    }
    [[nodiscard]] auto group_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return look_up<std::string>("group " + std::to_string(id), &::group::gr_name,
                                    [&](auto... rest) { return ::getgrgid_r(id, rest...); });
    }

private:
    /// A name with a NUL byte would be cut off there and found as another one.
    [[nodiscard]] static auto cannot_be(const std::string& name) -> bool {
        return name.empty() || name.find('\0') != std::string::npos;
    }

    /// The manual page lists EBADF and EPERM as "not found" too. They may also come from a missing descriptor or right,
    /// and then say nothing about the account, so they count as errors.
    [[nodiscard]] static auto means_none(int error) noexcept -> bool {
        return error == 0 || error == ENOENT || error == ESRCH;
    }

    /// One field of the entry that `call` finds. `call` returns an error number, as getpwnam_r does, and is repeated
    /// with a buffer twice as large while that is ERANGE: a group's entry lists all its members.
    template <typename Value, typename Entry, typename Field, typename Call>
    [[nodiscard]] static auto look_up(const std::string& what, Field Entry::*field, Call&& call)
        -> result<std::optional<Value>> {
        constexpr std::size_t largest = std::size_t{4} * 1024 * 1024;
        int error = ERANGE;
        // glibc also says "not found" when it had no memory to look, so that is believed only the second time.
        for (int asked = 0; asked < 2; ++asked) {
            error = ERANGE;
            for (std::size_t size = 1024; error == ERANGE && size <= largest; size *= 2) {
                std::vector<char> text(size);
                Entry entry{};
                Entry* found = nullptr;
                do {
                    error = call(&entry, text.data(), text.size(), &found);
                } while (error == EINTR);
                if (found != nullptr) return std::optional<Value>{Value{found->*field}};
            }
            if (!means_none(error)) break;
        }
        if (means_none(error)) return std::optional<Value>{};
        return fail(errc::io, "cannot look up the " + what + ": " + std::generic_category().message(error));
    }
};

static_assert(account_source<posix_accounts> && account_source<const posix_accounts>);

}  // namespace powerconsul::inline v0
