#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

#include <httplib.h>

#include <powerconsul/adapters/httplib/bounded.hpp>
#include <powerconsul/adapters/httplib/client.hpp>
#include <powerconsul/adapters/httplib/exchange.hpp>
#include <powerconsul/adapters/httplib/head_limits.hpp>
#include <powerconsul/adapters/httplib/tls.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/consul/address.hpp>
#include <powerconsul/consul/connection.hpp>
#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/transport.hpp>

namespace powerconsul::inline v0 {

using httplib_options = consul_access;

/// Carries requests with cpp-httplib. GET requests share one connection that is kept open; if the other side has closed
/// it in the meantime, a GET is sent once more on a new one. Other methods get a new connection each and are never
/// repeated. A request's timeout bounds everything, name resolution included. The same object must not be used from
/// two threads at a time.
class httplib_transport {
public:
    static constexpr bool has_tls = detail::has_tls;

    /// Checks the options without connecting. `peer` stands before the address in messages. Fails with
    /// errc::configuration.
    [[nodiscard]] static auto create(httplib_options options, std::string_view peer = "Consul at ")
        -> result<httplib_transport> {
        auto where = parse_address(options.address);
        if (!where) return unexpected{std::move(where).error()};
        httplib_transport made{std::move(options), *std::move(where), peer};
        const auto& chosen = made.options_;
        if (auto sound = check_access(chosen); !sound) return unexpected{std::move(sound).error()};
        for (const auto& file : {chosen.ca_file, chosen.ca_path, chosen.client_cert, chosen.client_key}) {
            if (!file.empty() && ::access(file.c_str(), R_OK) != 0) {
                return fail(errc::configuration, "cannot read " + quoted(file) + ", which TLS with Consul needs: " +
                                                     std::generic_category().message(errno));
            }
        }
        if (made.where_.scheme != address_scheme::https) return made;
        if (!has_tls) {
            return fail(errc::configuration, made.name_ + " needs TLS, which this build of cpp-httplib does not have");
        }
        if (chosen.ca_file.empty() && !chosen.ca_path.empty()) {
            auto found = authorities_in(chosen.ca_path);
            if (!found) return unexpected{std::move(found).error()};
            made.authorities_ = std::move(*found);
        }
        auto first = made.connect(1);
        if (!first) return unexpected{std::move(first).error()};
        made.kept_ = std::move(first->front());
        return made;
    }

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        return std::move(perform_all({&request, 1}).front());
    }

    /// A single request runs in this thread unless a host name has to be resolved, which may block without limit.
    /// Several get a connection and a thread each, at most 64 at the same time.
    [[nodiscard]] auto perform_all(std::span<const http_request> requests) -> std::vector<result<http_response>> {
        constexpr std::size_t at_once = 64;
        std::vector<result<http_response>> answers;
        answers.reserve(requests.size());
        if (requests.size() == 1) {
            answers.push_back(single(requests.front()));
            return answers;
        }
        for (std::size_t first = 0; first < requests.size(); first += at_once) {
            const auto some = requests.subspan(first, std::min(at_once, requests.size() - first));
            const auto connections = connect(some.size());
            if (!connections) {
                answers.resize(first + some.size(), unreached(connections.error().message));
                continue;
            }
            for (auto& each : exchange(some, *connections)) answers.push_back(std::move(each.value));
        }
        return answers;
    }

private:
    using connection = std::shared_ptr<detail::bounded_client>;

    struct answer {
        result<http_response> value;
        bool stale{};  ///< a kept connection ended before anything came
    };

    httplib_transport(httplib_options options, address where, std::string_view peer)
        : options_{std::move(options)},
          where_{std::move(where)},
          name_{std::string{peer} + to_string(where_)},
          to_{detail::known_address(where_)} {}

    [[nodiscard]] auto single(const http_request& request) -> result<http_response> {
        const auto started = detail::steady::now();
        http_request attempt = request;
        for (;;) {
            if (!kept_) {
                auto made = connect(1);
                if (!made) return unreached(made.error().message);
                kept_ = std::move(made->front());
            }
            if (request.method != http_method::get) kept_->stop();
            auto got = std::move(exchange({&attempt, 1}, {&kept_, 1}).front());
            if (!got.value) kept_.reset();
            if (!got.stale || request.method != http_method::get) return std::move(got.value);
            const auto spent =
                std::chrono::duration_cast<std::chrono::milliseconds>(detail::steady::now() - started).count();
            attempt.timeout = request.timeout - milliseconds{spent};
            if (attempt.timeout <= milliseconds{0}) return std::move(got.value);
        }
    }

    // --- connections ---

    /// Reads every certificate of every file, as Consul's own program does; OpenSSL itself would look only at files
    /// that are named after hashes.
    [[nodiscard]] static auto authorities_in(const std::string& directory) -> result<std::string> {
        constexpr std::size_t most = 4096;
        constexpr std::size_t limit = 4 * 1024 * 1024;
        const posix_files files;
        const auto names = files.list(directory, most);
        if (!names) return fail(errc::configuration, names.error().message);
        std::string found;
        for (const auto& name : names->value_or(std::vector<std::string>{})) {
            const auto file = files.read_named(directory + '/' + name, limit);
            // Directories and devices are passed over, but a file that cannot be read may be the one that is needed.
            if (!file && file.error().code != errc::bad_data) return fail(errc::configuration, file.error().message);
            if (file && *file) found += pem_certificates((*file)->bytes);
        }
        if (!found.empty()) return found;
        return fail(errc::configuration, "no file in " + quoted(directory) + " holds a certificate in PEM form");
    }

    /// Makes connection objects; their sockets are opened with the first request. Certificate files are read anew, so
    /// that a replaced certificate takes effect. Fails with errc::configuration if they cannot be used.
    [[nodiscard]] auto connect(std::size_t count) const -> result<std::vector<connection>> {
        std::optional<detail::tls_context> tls;
        if (where_.scheme == address_scheme::https) {
            auto made = detail::tls_context::create(options_, server_name(), authorities_);
            if (!made) return unexpected{std::move(made).error()};
            tls = std::move(*made);
        }
        std::vector<connection> all;
        for (std::size_t i = 0; i < count; ++i) {
            auto& made = *all.emplace_back(std::make_shared<detail::bounded_client>(
                where_, to_, tls, detail::in_chrono(options_.connect_timeout)));
            detail::keep_targets_as_they_are(made);
            made.set_keep_alive(true);
            made.set_follow_location(false);
            made.set_decompress(false);
        }
        return all;
    }

    /// The name that the other side's certificate must be for.
    [[nodiscard]] auto server_name() const -> const std::string& {
        return options_.tls_server_name.empty() ? where_.host : options_.tls_server_name;
    }

    // --- exchanges ---

    [[nodiscard]] auto host_header() const -> std::string {
        const bool https = where_.scheme == address_scheme::https;
        if (where_.scheme == address_scheme::unix_socket) return "localhost";
        const auto& name = https ? server_name() : where_.host;
        const std::string host = name.find(':') == std::string::npos ? name : '[' + name + ']';
        return where_.port == (https ? 443 : 80) ? host : host + ':' + std::to_string(where_.port);
    }

    [[nodiscard]] auto prepare(const http_request& request, connection client,
                               std::shared_ptr<detail::httplib_board> board) const {
        auto job = std::make_shared<detail::httplib_exchange>();
        job->request.method = to_string(request.method);
        job->request.path = scoped_target(request.target, options_);
        job->request.body = request.body;
        job->request.headers.emplace("Host", host_header());
        if (!request.body.empty()) job->request.headers.emplace("Content-Type", "application/json");
        if (!options_.token.empty()) job->request.headers.emplace("X-Consul-Token", options_.token);
        if (auto value = authorization(options_); !value.empty()) {
            job->request.headers.emplace("Authorization", std::move(value));
        }
        auto* const raw = job.get();
        job->request.response_handler = [raw](const httplib::Response& head) { return raw->take_headers(head); };
        job->request.content_receiver = [raw](const char* data, std::size_t size, auto, auto) {
            return raw->take_body(data, size);
        };
        job->max_body = options_.max_body;
        const auto now = detail::steady::now();
        client->head = {};
        client->limits = {};
        client->limits.deadline = now + detail::in_chrono(request.timeout);
        client->limits.connect_by = now + detail::in_chrono(shorter(options_.connect_timeout, request.timeout));
        client->limits.no_delay = !request.body.empty() || where_.scheme == address_scheme::https;
        // cpp-httplib returns to this after a wait for `100 Continue`. It is too long to matter: the deadline ends an
        // exchange.
        client->set_read_timeout(detail::in_chrono(request.timeout + seconds(1)));
        job->client = std::move(client);
        job->board = std::move(board);
        return job;
    }

    [[nodiscard]] auto exchange(std::span<const http_request> requests, std::span<const connection> connections) const
        -> std::vector<answer> {
        const auto board = std::make_shared<detail::httplib_board>();
        const bool here = requests.size() == 1 && to_;
        std::vector<std::shared_ptr<detail::httplib_exchange>> jobs;
        detail::started_threads threads;
        std::vector<std::string> refused(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            jobs.push_back(prepare(requests[i], connections[i], board));
            threads.all.emplace_back();
            if (!well_formed(requests[i].target)) {
                refused[i] = "the request for " + quoted(requests[i].target) + " is not percent-encoded";
            } else if (here) {
                jobs.back()->carry_out_here();
            } else {
                try {
                    threads.all.back() = std::thread{[job = jobs.back()] { job->carry_out(); }};
                } catch (const std::system_error& failure) {
                    refused[i] = "cannot start a thread to ask " + name_ + ": " + failure.what();
                }
            }
            if (!refused[i].empty()) jobs.back()->done = true;
        }
        detail::wait_for(*board, jobs);
        std::vector<answer> answers;
        for (std::size_t i = 0; i < requests.size(); ++i) {
            bool abandoned = false;
            {
                const std::lock_guard lock{board->guard};
                abandoned = !jobs[i]->done;
            }
            if (threads.all[i].joinable()) abandoned ? threads.all[i].detach() : threads.all[i].join();
            if (!refused[i].empty()) {
                answers.push_back({fail(errc::failed, std::move(refused[i]))});
            } else {
                answers.push_back(judged(requests[i], *jobs[i], abandoned));
            }
        }
        return answers;
    }

    [[nodiscard]] static auto well_formed(std::string_view target) -> bool {
        if (target.empty() || target.front() != '/') return false;
        return std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7F; });
    }

    // --- outcomes ---

    /// The outcome of an exchange. If it was abandoned, `job` still belongs to its thread, and only `request` may be
    /// read.
    [[nodiscard]] auto judged(const http_request& request, detail::httplib_exchange& job, bool abandoned) const
        -> answer {
        using cause = detail::httplib_exchange::cause;
        using problem = httplib::Error;
        const std::string asked = "the request for " + one_line(request.target, 200);
        const auto late = [&] {
            // The message does not name the time: what was left of it differs from call to call, and a check prints
            // this text.
            return fail(errc::timed_out, name_ + " did not answer " + asked + " in time");
        };
        if (abandoned) return {late()};
        switch (job.stopped) {
            case cause::overdue: return {late()};
            case cause::too_large:
                return {fail(errc::bad_data, name_ + " answers " + asked + " with more than the " +
                                                 std::to_string(options_.max_body) + " bytes that are taken")};
            case cause::flooded:
                return {fail(errc::bad_data, name_ + " answers " + asked + " with more headers than the " +
                                                 std::to_string(detail::head_limits::header_limit) +
                                                 " bytes that are taken; is this its HTTP port?")};
            case cause::overlong:
                return {fail(errc::bad_data, name_ + " answers " + asked + " with a line of more than the " +
                                                 std::to_string(detail::head_limits::line_limit) +
                                                 " bytes that are taken before the body; is this its HTTP port?")};
            case cause::malformed:
                return {fail(errc::bad_data, name_ + " answers " + asked + " with a Content-Length that is no number")};
            case cause::none: break;
        }
        if (job.ok) {
            http_response response{job.response.status, std::move(job.body), {}};
            for (const auto& [name, value] : job.response.headers) response.headers.push_back({name, value});
            return {std::move(response)};
        }

        const bool tls = where_.scheme == address_scheme::https;
        const auto& limits = job.client->limits;
        const auto& head = job.client->head;
        const bool reused = limits.opened == 0;
        if (const auto& why = job.client->complaint; !why.empty()) {
            return {unreached("its certificate is not for " + quoted(server_name()) +
                              " or not from a known authority (" + why +
                              "); set the CA file, and the TLS server name if the certificate has another one")};
        }
        switch (job.error) {
            case problem::Connection:
                return {unreached(reused ? "the host name has no address; check the address"
                                         : connect_failure(limits.connect_error))};
            case problem::ConnectionTimeout:
                return {unreached("no connection in time; is the address right and the agent running?")};
            case problem::SSLConnection: return {unreached("the TLS handshake failed; is this its HTTPS port?")};
            default: break;
        }
        if (head.answered || (head.speaks_http && limits.ended)) {
            return {fail(errc::unavailable, name_ + " broke off its answer to " + asked + "; try again")};
        }
        if (head.received > 0) {
            return {
                fail(errc::bad_data, head.speaks_http
                                         ? name_ + " answers " + asked + " with a malformed status line or header"
                                         : "what answers as " + name_ + " does not speak HTTP; is this its HTTP port?"),
                reused};
        }
        return {fail(errc::unavailable,
                     name_ + " closed the connection without an answer to " + asked +
                         (tls ? "; if it asks for a client certificate, set one and its key" : "; try again")),
                reused};
    }

    [[nodiscard]] auto unreached(std::string_view why) const -> unexpected {
        return fail(errc::unavailable, "cannot reach " + name_ + ": " + std::string{why});
    }

    /// Describes the errno of a failed connect(). EINPROGRESS hides the reason, which mostly comes later than
    /// connect(); on the loopback it can only be a refusal.
    [[nodiscard]] auto connect_failure(int number) const -> std::string_view {
        const bool loopback = where_.host.starts_with("127.") || where_.host == "::1" || where_.host == "localhost";
        if (number == EINPROGRESS && loopback) number = ECONNREFUSED;
        switch (number) {
            case ECONNREFUSED: return "connection refused; is the agent running?";
            case ENOENT: return "there is no such socket; is the agent running?";
            case EACCES:
            case EPERM: return "permission denied; may this user open the socket?";
            case ENETUNREACH:
            case EHOSTUNREACH: return "there is no route to the host; check the address and the network";
            default: return "connection refused or host unreachable; is the address right and the agent running?";
        }
    }

    httplib_options options_;
    address where_;
    std::string name_;
    std::optional<detail::socket_address> to_;  ///< nothing if a name has to be resolved
    std::string authorities_{};                 ///< of ca_path, in PEM form; empty if ca_file or the system's are used
    connection kept_{};
};

static_assert(parallel_http_transport<httplib_transport>);

}  // namespace powerconsul::inline v0
