#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/core/owned.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>

namespace powerconsul::inline v0 {

/// The machine's files. Only ENOENT, ENOTDIR and ESRCH mean "not there"; a missing right or a broken disk is errc::io.
/// ESRCH comes from files of /proc whose process ended after they were opened.
class posix_files {
public:
    // --- reading ---

    [[nodiscard]] auto status(const std::string& path) const -> result<std::optional<file_status>> {
        if (auto checked = check(path); !checked) return unexpected{checked.error()};
        struct stat seen {};
        if (::lstat(path.c_str(), &seen) != 0) {
            if (absent(errno)) return std::optional<file_status>{};
            return system_failure("look at", path, errno);
        }
        return std::optional{described(seen)};
    }

    [[nodiscard]] auto read(const std::string& path, std::size_t limit) const -> result<std::optional<std::string>> {
        auto opened = read_opened(path, limit, O_NOFOLLOW);
        if (!opened) return unexpected{std::move(opened).error()};
        if (!*opened) return std::optional<std::string>{};
        return std::optional{std::move((*opened)->bytes)};
    }

    /// For the files below /proc/<pid> that the kernel writes as one piece: comm, stat, status and cmdline. Their kind
    /// is not looked at, and a read that gives less than it could and ends as the file does, with a newline or a NUL,
    /// is taken for the last one. Both hold for what the kernel shows with single_open() (fs/seq_file.c), and for
    /// cmdline (fs/proc/base.c); not for lists such as mountinfo.
    [[nodiscard]] auto read_of_process(const std::string& path, std::size_t limit) const
        -> result<std::optional<std::string>> {
        if (auto checked = check(path); !checked) return unexpected{checked.error()};
        const posix_fd file{
            uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW); })};
        if (!file && absent(errno)) return std::optional<std::string>{};
        if (!file) return system_failure("open", path, errno);
        return read_all(file, path, limit, false);
    }

    /// For a path that a person named: see named_file_source.
    [[nodiscard]] auto read_named(const std::string& path, std::size_t limit) const
        -> result<std::optional<opened_file>> {
        return read_opened(path, limit, 0);
    }

    [[nodiscard]] auto list(const std::string& path, std::size_t limit) const
        -> result<std::optional<std::vector<std::string>>> {
        if (auto checked = check(path); !checked) return unexpected{checked.error()};
        const owned<DIR, ::closedir> entries{::opendir(path.c_str())};  // O_DIRECTORY, O_CLOEXEC
        if (!entries) {
            const int error = errno;
            struct stat seen {};
            // ENOTDIR may also be about a part of the path above it.
            if (error == ENOTDIR && ::stat(path.c_str(), &seen) == 0) {
                return fail(errc::bad_data, quoted(path) + " is not a directory");
            }
            if (absent(error)) return std::optional<std::vector<std::string>>{};
            return system_failure("open the directory", path, error);
        }
        std::vector<std::string> names;
        for (;;) {
            errno = 0;
            const dirent* entry = ::readdir(entries.get());  // NOLINT(concurrency-mt-unsafe): a stream of its own
            if (entry == nullptr && errno == 0) return std::optional{std::move(names)};
            if (entry == nullptr && absent(errno)) return std::optional<std::vector<std::string>>{};
            if (entry == nullptr) return system_failure("list", path, errno);
            const std::string_view name = entry->d_name;
            if (name == "." || name == "..") continue;
            if (names.size() == limit) {
                return fail(errc::bad_data,
                            quoted(path) + " holds more than the " + std::to_string(limit) + " names that it may hold");
            }
            names.emplace_back(name);
        }
    }

    [[nodiscard]] auto user() const noexcept -> std::uint32_t { return ::geteuid(); }
    [[nodiscard]] auto group() const noexcept -> std::uint32_t { return ::getegid(); }

    // --- writing and locking ---

    /// Writes a temporary file, syncs it, renames it and syncs the directory: a crash leaves the old file or the new
    /// one, at worst with a leftover `.<name>.XXXXXX` beside it. The umask does not change the mode.
    /// `durability::later` waits for no disk. The blocks are on their way before the new name is: a file system that
    /// takes blocks late (XFS) could else have an empty file under that name for half a minute.
    [[nodiscard]] auto replace(const std::string& path, std::string_view bytes, std::uint32_t mode = 0600,
                               durability how = durability::flushed) const -> result<void> {
        if (auto checked = check(path); !checked) return checked;
        const std::string directory = directory_of(path);
        const std::string name{base_name(path)};
        if (name.empty()) return fail(errc::usage, "cannot write " + quoted(path) + ": a file name is expected");

        const posix_fd parent{
            uninterrupted([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
        if (!parent) return system_failure("open the directory", directory, errno);
        std::string temporary = directory + "/." + name + ".XXXXXX";
        posix_fd file{::mkostemp(temporary.data(), O_CLOEXEC)};  // O_EXCL, 0600
        if (!file) return system_failure("make a file beside", path, errno);

        const int error = ::fchmod(file.get(), mode) != 0 ? errno : fill_and_rename(file, bytes, how, temporary, path);
        if (error != 0) {
            ::unlink(temporary.c_str());
            return system_failure("write", path, error);
        }
        if (how == durability::flushed && !flushed(parent))
            return system_failure("write the directory", directory, errno);
        return {};
    }

    /// Like replace(), for a file that always has the same size: the bytes are written over those of `spare`, in the
    /// same directory, and then the two exchange their names. Each keeps its blocks, so that this succeeds on a full
    /// disk once both are there. Where the file system cannot exchange names, the spare one is made anew each time.
    [[nodiscard]] auto replace_in_place(const std::string& path, const std::string& spare, std::string_view bytes) const
        -> result<void> {
        const auto there = status(path);
        if (!there) return unexpected{there.error()};
        posix_fd file = *there ? open_spare(spare, bytes.size()) : posix_fd{};
        if (!file) {
            auto made = replace(path, bytes);
            if (made) static_cast<void>(open_spare(spare, bytes.size()));
            return made;
        }
        const auto failed = [&] { return system_failure("write", spare, errno); };
        if (!written(file, bytes) || !flushed(file)) return failed();
        file.reset();
        if (::renameat2(AT_FDCWD, spare.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) != 0) {
            if (errno != ENOSYS && errno != EINVAL) return failed();
            if (::rename(spare.c_str(), path.c_str()) != 0) return failed();
        }
        const std::string directory = directory_of(path);
        const posix_fd parent{
            uninterrupted([&] { return ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); })};
        if (!parent || !flushed(parent)) return system_failure("write the directory", directory, errno);
        return {};
    }

    /// Holds an exclusive lock on a file until it is destroyed. The lock belongs to the open file: the end of the
    /// process releases it, and programs that it starts do not get it.
    class lock_type {
    public:
        explicit lock_type(posix_fd held) : held_{std::move(held)} {}

    private:
        posix_fd held_;
    };

    [[nodiscard]] auto lock(const std::string& path, milliseconds wait) const -> result<lock_type> {
        if (auto checked = check(path); !checked) return unexpected{checked.error()};
        const posix_clock clock;
        const milliseconds deadline = clock.monotonic() + wait;
        // The previous holder may have deleted the file. A lock on that keeps nobody out, so the new file is tried at
        // once, even for a caller that does not want to wait.
        for (int deleted = 0;;) {
            posix_fd file{uninterrupted([&] {
                return ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
            })};
            const auto refused = [&](std::string_view why) {
                return fail(errc::denied, "the lock " + quoted(path) + ' ' + std::string{why} + "; delete it");
            };
            if (!file && errno == ELOOP) return refused("is a symbolic link");
            if (!file) return system_failure("open the lock", path, errno);
            struct stat opened {};
            if (::fstat(file.get(), &opened) != 0) return system_failure("look at", path, errno);
            if (!S_ISREG(opened.st_mode)) return refused("is not a regular file");
            if (opened.st_uid != 0 && opened.st_uid != ::geteuid()) return refused("belongs to another user");
            const int error = uninterrupted([&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); }) == 0 ? 0 : errno;
            if (error == 0) {
                struct stat named {};
                const bool same = ::lstat(path.c_str(), &named) == 0 && named.st_ino == opened.st_ino &&
                                  named.st_dev == opened.st_dev;
                if (same) return lock_type{std::move(file)};
                if (++deleted < 100) continue;
            } else if (error != EWOULDBLOCK) {
                return system_failure("lock", path, error);
            }
            if (clock.monotonic() >= deadline) {
                return fail(errc::timed_out, "somebody else holds the lock " + quoted(path) + "; try again");
            }
            constexpr timespec pause{0, 10'000'000};
            ::nanosleep(&pause, nullptr);
        }
    }

    [[nodiscard]] auto remove(const std::string& path) const -> result<void> {
        if (auto checked = check(path); !checked) return checked;
        if (::unlink(path.c_str()) == 0 || absent(errno)) return {};
        return system_failure("delete", path, errno);
    }

    [[nodiscard]] auto make_directory(const std::string& path) const -> result<void> {
        if (auto checked = check(path); !checked) return checked;
        if (::mkdir(path.c_str(), 0700) == 0) return {};
        const int error = errno;
        struct stat seen {};
        // A symbolic link to a directory will do: /var/run is one.
        if (error == EEXIST && ::stat(path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode)) return {};
        return system_failure("make the directory", path, error);
    }

private:
    [[nodiscard]] static auto described(const struct stat& seen) -> file_status {
        return {
            .kind = S_ISREG(seen.st_mode)   ? file_kind::regular
                    : S_ISDIR(seen.st_mode) ? file_kind::directory
                    : S_ISLNK(seen.st_mode) ? file_kind::symlink
                                            : file_kind::other,
            .mode = static_cast<std::uint32_t>(seen.st_mode & 07777U),
            .uid = seen.st_uid,
            .gid = seen.st_gid,
            .size = static_cast<std::uint64_t>(seen.st_size),
            .modified = static_cast<std::int64_t>(seen.st_mtim.tv_sec),
            .changed = static_cast<std::int64_t>(seen.st_ctim.tv_sec),
            .links = static_cast<std::uint64_t>(seen.st_nlink),
        };
    }

    [[nodiscard]] static auto read_opened(const std::string& path, std::size_t limit, int flags)
        -> result<std::optional<opened_file>> {
        if (auto checked = check(path); !checked) return unexpected{checked.error()};
        // O_NONBLOCK: opening a FIFO would wait for a writer.
        const posix_fd file{
            uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | flags); })};
        if (!file) {
            if (absent(errno)) return std::optional<opened_file>{};
            if (errno == ELOOP && flags != 0) return not_regular(path);
            const bool stays = flags == 0 && (errno == EACCES || errno == ELOOP || errno == ENAMETOOLONG);
            auto failure = system_failure("open", path, errno);
            if (stays) failure.reason.code = errc::denied;
            return failure;
        }
        struct stat seen {};
        if (::fstat(file.get(), &seen) != 0) return system_failure("look at", path, errno);
        if (!S_ISREG(seen.st_mode)) return not_regular(path);
        auto bytes = read_all(file, path, limit, true);
        if (!bytes) return unexpected{std::move(bytes).error()};
        if (!*bytes) return std::optional<opened_file>{};
        return std::optional{opened_file{described(seen), std::move(**bytes)}};
    }

    /// Files of /proc say that they are empty: what is read counts, not the size. `in_pieces`: whether a read that
    /// gives less than it could may be followed by one that gives more, however it ends.
    [[nodiscard]] static auto read_all(const posix_fd& file, const std::string& path, std::size_t limit, bool in_pieces)
        -> result<std::optional<std::string>> {
        std::optional<std::string> bytes{std::in_place};
        // A page, and not cleared: more would cost more than reading a file of /proc.
        std::array<char, 4096> buffer;  // NOLINT
        for (;;) {
            const auto got = uninterrupted([&] { return ::read(file.get(), buffer.data(), buffer.size()); });
            if (got < 0 && absent(errno)) return std::optional<std::string>{};
            if (got < 0) return system_failure("read", path, errno);
            const auto size = static_cast<std::size_t>(got);
            if (size > limit - bytes->size()) {
                return fail(errc::bad_data,
                            quoted(path) + " is larger than the " + std::to_string(limit) + " bytes that it may have");
            }
            bytes->append(buffer.data(), size);
            if (size == 0) return bytes;
            const bool ends = bytes->ends_with('\n') || bytes->ends_with('\0');
            if (!in_pieces && ends && size < buffer.size()) return bytes;
        }
    }

    [[nodiscard]] static auto absent(int error) noexcept -> bool {
        return error == ENOENT || error == ENOTDIR || error == ESRCH;
    }

    [[nodiscard]] static auto not_regular(const std::string& path) -> unexpected {
        return fail(errc::bad_data, quoted(path) + " is not a regular file, and only such are read");
    }

    [[nodiscard]] static auto check(const std::string& path) -> result<void> {
        if (!path.empty() && path.find('\0') == std::string::npos) return {};
        return fail(errc::usage, quoted(path) + " is not a path");
    }

    [[nodiscard]] static auto directory_of(const std::string& path) -> std::string {
        const auto slash = path.rfind('/');
        return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
    }

    [[nodiscard]] static auto flushed(const posix_fd& file) -> bool {
        return uninterrupted([&] { return ::fsync(file.get()); }) == 0;
    }

    /// A file of that size with all its blocks, to be written from its beginning. It is made if it is not there, or is
    /// none that nobody else can reach; no file if that fails. It is open for reading, too, which the C library needs
    /// to take blocks on a file system that has no call for it.
    [[nodiscard]] static auto open_spare(const std::string& path, std::size_t size) -> posix_fd {
        for (int tries = 0; tries < 2; ++tries) {
            posix_fd file{uninterrupted([&] {
                return ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0600);
            })};
            struct stat seen {};
            const bool ours = file && ::fstat(file.get(), &seen) == 0 && S_ISREG(seen.st_mode) && seen.st_nlink == 1 &&
                              seen.st_uid == ::geteuid() && (seen.st_mode & 07777U) == 0600;
            const auto wanted = static_cast<off_t>(size);
            if (ours && (seen.st_size == wanted || ::ftruncate(file.get(), wanted) == 0) &&
                ::posix_fallocate(file.get(), 0, wanted) == 0) {
                return file;
            }
            if (!file && errno != ELOOP) return {};
            if (ours || ::unlink(path.c_str()) != 0) return {};
        }
        return {};
    }

    [[nodiscard]] static auto written(const posix_fd& file, std::string_view bytes) -> bool {
        while (!bytes.empty()) {
            const auto size = uninterrupted([&] { return ::write(file.get(), bytes.data(), bytes.size()); });
            if (size < 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(size));
        }
        return true;
    }

    /// 0, or the error number of the first step that failed.
    [[nodiscard]] static auto fill_and_rename(posix_fd& file, std::string_view bytes, durability how,
                                              const std::string& from, const std::string& to) -> int {
        if (!written(file, bytes)) return errno;
        if (how == durability::later) {
            static_cast<void>(::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
        } else if (!flushed(file)) {
            return errno;
        }
        file.reset();
        return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
    }
};

static_assert(locking_file_store<posix_files> && named_file_source<posix_files> && process_file_source<posix_files>);

}  // namespace powerconsul::inline v0
