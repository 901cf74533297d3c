#pragma once

#include <type_traits>

#include <powerconsul/ports/accounts.hpp>
#include <powerconsul/ports/clock.hpp>
#include <powerconsul/ports/dialer.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/log.hpp>
#include <powerconsul/ports/supervisor.hpp>
#include <powerconsul/ports/tasks.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/ports/unit_source.hpp>
#include <powerconsul/ports/web_client.hpp>

namespace powerconsul::inline v0 {

namespace detail {

template <typename T>
using bare = std::remove_cvref_t<T>;

}  // namespace detail

/// All effects of one machine. Anything with these members, values or references, is a host: posix_host for the real
/// one, testing::fake_host for tests. A function that needs one or two effects takes those rather than a host.
///
/// Where services are seen to side by side, several threads use one host: every member but `consul` must allow that,
/// and each thread asks Consul over a connection of its own.
template <typename H>
concept host = requires(H& here) {
    requires http_transport<detail::bare<decltype(here.consul)>>;
    requires waiting_clock<detail::bare<decltype(here.clock)>>;
    requires awake_clock<detail::bare<decltype(here.clock)>>;
    requires locking_file_store<detail::bare<decltype(here.files)>>;
    requires named_file_source<detail::bare<decltype(here.files)>>;
    requires command_executor<detail::bare<decltype(here.programs)>>;
    requires job_supervisor<detail::bare<decltype(here.jobs)>>;
    requires unit_source<detail::bare<decltype(here.units)>>;
    requires account_source<detail::bare<decltype(here.users)>>;
    requires event_log<detail::bare<decltype(here.log)>>;
    requires dialer<detail::bare<decltype(here.network)>>;
    requires web_client<detail::bare<decltype(here.web)>>;
    requires task_runner<detail::bare<decltype(here.tasks)>>;
    { here.name } -> std::convertible_to<std::string_view>;  ///< the machine's host name
};

}  // namespace powerconsul::inline v0
