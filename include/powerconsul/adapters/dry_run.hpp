#pragma once

#include <powerconsul/ports/host.hpp>

namespace powerconsul::inline v0 {

/// Reads the real files and changes none: every lock is granted, and writing and deleting succeed without effect.
template <typename Files>
    requires directory_source<Files>
class dry_run_files {
public:
    struct lock_type {};

    explicit dry_run_files(Files files = {}) : files_{static_cast<Files&&>(files)} {}

    [[nodiscard]] auto status(const std::string& path) { return files_.status(path); }
    [[nodiscard]] auto read(const std::string& path, std::size_t limit) { return files_.read(path, limit); }
    [[nodiscard]] auto list(const std::string& path, std::size_t limit) { return files_.list(path, limit); }
    [[nodiscard]] auto read_named(const std::string& path, std::size_t limit) { return files_.read_named(path, limit); }
    [[nodiscard]] auto user() -> std::uint32_t { return files_.user(); }
    [[nodiscard]] auto group() -> std::uint32_t { return files_.group(); }
    [[nodiscard]] auto replace(const std::string&, std::string_view, std::uint32_t = 0600,
                               durability = durability::flushed) -> result<void> {
        return {};
    }
    [[nodiscard]] auto make_directory(const std::string&) -> result<void> { return {}; }
    [[nodiscard]] auto remove(const std::string&) -> result<void> { return {}; }
    [[nodiscard]] auto lock(const std::string&, milliseconds) -> result<lock_type> { return lock_type{}; }

private:
    Files files_;
};

/// Reports every job as having succeeded at once, without running it. Asks the real supervisor which processes run.
template <typename Supervisor>
    requires job_supervisor<Supervisor>
class dry_run_supervisor {
public:
    explicit dry_run_supervisor(Supervisor real = {}) : real_{static_cast<Supervisor&&>(real)} {}

    template <typename Ready>
    [[nodiscard]] auto run(const job&, Ready&& ready) -> result<job_outcome> {
        if (auto accepted = ready(process_mark{}); !accepted) return unexpected{accepted.error()};
        return job_outcome{};
    }
    [[nodiscard]] auto is_running(const process_mark& mark) -> result<bool> { return real_.is_running(mark); }
    [[nodiscard]] auto end(const process_mark&) -> result<void> { return {}; }

private:
    Supervisor real_;
};

/// A host that reads the machine of another host and changes nothing. The other host must live longer.
template <host Host>
struct dry_run_host {
    explicit dry_run_host(Host& real)
        : consul{real.consul},
          clock{real.clock},
          files{real.files},
          programs{real.programs},
          jobs{real.jobs},
          units{real.units},
          users{real.users},
          log{real.log},
          network{real.network},
          web{real.web},
          name{real.name} {}

    detail::bare<decltype(Host::consul)>& consul;
    detail::bare<decltype(Host::clock)>& clock;
    dry_run_files<detail::bare<decltype(Host::files)>&> files;
    detail::bare<decltype(Host::programs)>& programs;
    dry_run_supervisor<detail::bare<decltype(Host::jobs)>&> jobs;
    detail::bare<decltype(Host::units)>& units;
    detail::bare<decltype(Host::users)>& users;
    detail::bare<decltype(Host::log)>& log;
    detail::bare<decltype(Host::network)>& network;
    detail::bare<decltype(Host::web)>& web;
    sequential_runner tasks{};  ///< in a dry run no task waits for another's lock
    detail::bare<decltype(Host::name)>& name;
};

}  // namespace powerconsul::inline v0
