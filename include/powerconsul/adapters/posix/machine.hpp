#pragma once

#include <array>
#include <climits>
#include <cstddef>
#include <cstdlib>

#include <fcntl.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/ports/machine.hpp>

namespace powerconsul::inline v0 {

/// The machine that this process runs on.
struct posix_machine {
    [[nodiscard]] auto can_execute(const std::string& path) const -> bool { return ::access(path.c_str(), X_OK) == 0; }
    [[nodiscard]] auto can_write(const std::string& path) const -> bool {
        return ::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
    }

    [[nodiscard]] auto real_path(const std::string& path) const -> std::string {
        std::array<char, PATH_MAX> resolved{};
        return ::realpath(path.c_str(), resolved.data()) == nullptr ? std::string{} : resolved.data();
    }

    [[nodiscard]] auto link_target(const std::string& path) const -> std::string {
        std::array<char, PATH_MAX> target{};
        const auto size = ::readlink(path.c_str(), target.data(), target.size());
        return {target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    }

    [[nodiscard]] auto beginning_of(const std::string& path, std::size_t limit) const -> std::string {
        // O_NONBLOCK: opening a FIFO would wait for a writer.
        const posix_fd file{uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); })};
        if (!file) return {};
        std::string bytes(limit, '\0');
        const auto got = uninterrupted([&] { return ::read(file.get(), bytes.data(), bytes.size()); });
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return bytes;
    }

    [[nodiscard]] auto room(const std::string& path) const -> free_room {
        struct statvfs seen {};
        if (::statvfs(path.c_str(), &seen) != 0) return {};
        free_room left{std::uint64_t{seen.f_bavail} * seen.f_frsize, {}};
        if (seen.f_files > 0) left.files = seen.f_favail;
        return left;
    }

    [[nodiscard]] auto clock_is_synchronized() const -> std::optional<bool> {
        timex asked{};
        const int state = ::adjtimex(&asked);
        if (state < 0) return std::nullopt;
        return state != TIME_ERROR && (asked.status & STA_UNSYNC) == 0;
    }
};

static_assert(local_machine<posix_machine>);

}  // namespace powerconsul::inline v0
