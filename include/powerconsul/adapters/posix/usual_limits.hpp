#pragma once

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <powerconsul/version.hpp>

namespace powerconsul::inline v0::detail {

/// What a service gets that this machine's own manager starts, rather than what the unit of Consul's agent says: what
/// a job starts may run for months. Collected by a parent, and set in its child by async-signal-safe calls alone.
class usual_limits {
public:
    usual_limits() {
        for (std::size_t i = 0; i < limits_.size(); ++i) {
            // Services inherit process 1's own limits but for those below, which systemd raises for itself. Not root's
            // to read for others, who could not raise them either.
            known_[i] = ::prlimit(1, static_cast<resource>(i), nullptr, &limits_[i]) == 0;
        }
        // DefaultLimitNOFILE= and DefaultLimitMEMLOCK= of systemd-system.conf(5); RLIMIT_CORE as the kernel has it.
        set(RLIMIT_NOFILE, {1024, 524288});
        set(RLIMIT_MEMLOCK, {8 << 20, 8 << 20});
        set(RLIMIT_CORE, {0, RLIM_INFINITY});
    }

    /// Sets limits, nice value and oom_score_adj as far as this process may. No failure keeps a job from running.
    void take_effect() const noexcept {
        for (std::size_t i = 0; i < limits_.size(); ++i) {
            const auto which = static_cast<resource>(i);
            rlimit now{};
            if (!known_[i] || ::setrlimit(which, &limits_[i]) == 0 || ::getrlimit(which, &now) != 0) continue;
            now.rlim_max = std::min(now.rlim_max, limits_[i].rlim_max);
            now.rlim_cur = std::min(now.rlim_max, limits_[i].rlim_cur);
            (void)::setrlimit(which, &now);
        }
        (void)::setpriority(PRIO_PROCESS, 0, 0);
        const int oom = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (oom < 0) return;
        (void)!::write(oom, "0", 1);
        ::close(oom);
    }

private:
    using resource = __rlimit_resource;  // the type that C++ has for it; an int with other C libraries than glibc

    void set(int which, rlimit limit) {
        const auto i = static_cast<std::size_t>(which);
        limits_[i] = limit;
        known_[i] = true;
    }

    std::array<rlimit, RLIM_NLIMITS> limits_{};
    std::array<bool, RLIM_NLIMITS> known_{};
};

}  // namespace powerconsul::inline v0::detail
