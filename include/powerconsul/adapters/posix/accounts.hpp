#pragma once

#include <cerrno>
#include <system_error>
#include <utility>

#include <grp.h>
#include <pwd.h>
#include <sys/types.h>

#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/accounts.hpp>

namespace powerconsul::inline v0 {

struct posix_account {
    uid_t user{};
    gid_t group{};  ///< the one that the user belongs to first
    std::string name{};
    std::string home{};
    std::string shell{};

    friend auto operator==(const posix_account&, const posix_account&) -> bool = default;
};

/// The machine's users and groups, wherever its name service switch looks them up. A directory service may take as long
/// as its own configuration allows. May be used by several threads at once.
class posix_accounts {
    template <typename Entry, typename Call, typename Part>
    [[nodiscard]] static auto by_name(const std::string& kind, const std::string& name, Call* call, Part part) {
        const auto what = kind + quoted(name);
        // A name with a NUL byte would be cut off there and found as another one.
        const bool can_be = !name.empty() && name.find('\0') == std::string::npos;
        return look_up<Entry>(what, part, [&](auto... rest) { return can_be ? call(name.c_str(), rest...) : ENOENT; });
    }
    template <typename Entry, typename Call, typename Part>
    [[nodiscard]] static auto by_id(const std::string& kind, std::uint32_t id, Call* call, Part part) {
        return look_up<Entry>(kind + std::to_string(id), part, [&](auto... rest) { return call(id, rest...); });
    }

    /// The manual page lists EBADF and EPERM as "not found" too. They may also come from a missing descriptor or right,
    /// and then say nothing about the account, so they count as errors.
    [[nodiscard]] static auto means_none(int error) noexcept -> bool {
        return error == 0 || error == ENOENT || error == ESRCH;
    }

    /// A part of the entry that `call` finds. `call` returns an error number, as getpwnam_r does, and is repeated
    /// with a buffer twice as large while that is ERANGE: a group's entry lists all its members.
    template <typename Entry, typename Part, typename Call>
    [[nodiscard]] static auto look_up(const std::string& what, Part part, Call call)
        -> result<std::optional<decltype(part(Entry{}))>> {
        using value = std::optional<decltype(part(Entry{}))>;
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
                if (found != nullptr) return value{part(*found)};
            }
            if (!means_none(error)) break;
        }
        if (means_none(error)) return value{};
        return fail(errc::io, "cannot look up the " + what + ": " + std::generic_category().message(error));
    }

public:
    [[nodiscard]] auto user_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        return by_name<::passwd>("user ", name, ::getpwnam_r, [](const auto& user) { return user.pw_uid; });
    }
    [[nodiscard]] auto group_id(const std::string& name) const -> result<std::optional<std::uint32_t>> {
        return by_name<::group>("group ", name, ::getgrnam_r, [](const auto& group) { return group.gr_gid; });
    }
    [[nodiscard]] auto user_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return by_id<::passwd>("user ", id, ::getpwuid_r, [](const auto& user) { return std::string{user.pw_name}; });
    }
    [[nodiscard]] auto group_name(std::uint32_t id) const -> result<std::optional<std::string>> {
        return by_id<::group>("group ", id, ::getgrgid_r, [](const auto& group) { return std::string{group.gr_name}; });
    }

    [[nodiscard]] auto login(const std::string& name) const -> result<std::optional<posix_account>> {
        return by_name<::passwd>("user ", name, ::getpwnam_r, account_of);
    }
    [[nodiscard]] auto login(std::uint32_t id) const -> result<std::optional<posix_account>> {
        return by_id<::passwd>("user ", id, ::getpwuid_r, account_of);
    }

private:
    [[nodiscard]] static auto account_of(const ::passwd& user) -> posix_account {
        const auto text = [](const char* given) { return std::string{given == nullptr ? "" : given}; };
        return {user.pw_uid, user.pw_gid, text(user.pw_name), text(user.pw_dir), text(user.pw_shell)};
    }
};

static_assert(account_source<posix_accounts> && account_source<const posix_accounts>);

}  // namespace powerconsul::inline v0
