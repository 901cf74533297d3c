#pragma once

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

#include <httplib.h>

#include <powerconsul/adapters/httplib/bounded.hpp>
#include <powerconsul/adapters/httplib/exchange.hpp>
#include <powerconsul/adapters/httplib/pem.hpp>
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
    /// Checks the options; asks nobody yet. Fails with errc::configuration.
    [[nodiscard]] static auto create(httplib_options options) -> result<httplib_transport> {
        auto where = parse_address(options.address);
        if (!where) return unexpected{std::move(where).error()};
        httplib_transport made{std::move(options), *std::move(where)};
        const auto& chosen = made.options_;
        if (auto sound = check_access(chosen); !sound) return unexpected{std::move(sound).error()};
        for (const auto& file : {chosen.ca_file, chosen.ca_path, chosen.client_cert, chosen.client_key}) {
            if (!file.empty() && ::access(file.c_str(), R_OK) != 0) {
                return fail(errc::configuration, "cannot read " + quoted(file) + ", which TLS with Consul needs: " +
                                                     std::generic_category().message(errno));
            }
        }
        if (made.where_.scheme != address_scheme::https) return made;
#if !defined(CPPHTTPLIB_OPENSSL_SUPPORT) && !defined(CPPHTTPLIB_SSL_ENABLED)
        return fail(errc::configuration, made.name_ + " needs TLS, which this build of cpp-httplib does not have");
#endif
        if (chosen.ca_file.empty() && !chosen.ca_path.empty()) {
            auto found = authorities_in(chosen.ca_path);
            if (!found) return unexpected{std::move(found).error()};
            made.authorities_ = std::move(*found);
        }
        const auto first = made.connect(company::alone);
        if (!first->client->is_valid()) {
            return fail(errc::configuration, "the client certificate " + quoted(chosen.client_cert) + " and the key " +
                                                 quoted(chosen.client_key) + " are no pair of PEM files");
        }
        if (chosen.verify && !first->trust.sound) {
            return fail(errc::configuration, "the certificate authorities cannot be loaded; check the CA file " +
                                                 quoted(chosen.ca_file) + ", which must be in PEM form");
        }
        return made;
    }

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        return std::move(perform_all({&request, 1}).front());
    }

    /// One request runs in this thread where nothing can hold it: without TLS, at an IP address or over a socket.
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
            std::vector<std::shared_ptr<detail::httplib_connection>> connections;
            for (std::size_t i = 0; i < some.size(); ++i) connections.push_back(connect(company::others));
            for (auto& each : exchange(some, connections)) answers.push_back(std::move(each.value));
        }
        return answers;
    }

private:
    /// Whether a connection's requests are carried out alone, or beside those of others.
    enum class company : unsigned char { alone, others };

    struct answer {
        result<http_response> value;
        bool stale{};  ///< a kept connection ended before anything came
    };

    httplib_transport(httplib_options options, address where)
        : options_{std::move(options)}, where_{std::move(where)}, name_{"Consul at " + to_string(where_)} {}

    [[nodiscard]] auto single(const http_request& request) -> result<http_response> {
        const auto started = detail::steady::now();
        http_request attempt = request;
        for (;;) {
            if (!kept_) kept_ = connect(company::alone);
            if (request.method != http_method::get) kept_->client->stop();
            auto got = std::move(exchange({&attempt, 1}, {&kept_, 1}).front());
            if (!got.value) kept_.reset();
            if (!got.stale || request.method != http_method::get) return std::move(got.value);
            const auto spent =
                std::chrono::duration_cast<std::chrono::milliseconds>(detail::steady::now() - started).count();
            attempt.timeout = request.timeout - milliseconds{spent};
            if (attempt.timeout <= milliseconds{0}) return std::move(got.value);
        }
    }

    /// Every certificate of every file counts, as with Consul's own program; OpenSSL itself would look only at names
    /// that are hashes.
    [[nodiscard]] static auto authorities_in(const std::string& directory) -> result<std::string> {
        constexpr std::size_t most = 4096;
        constexpr std::size_t limit = 4 * 1024 * 1024;
        const posix_files files;
        const auto names = files.list(directory, most);
        if (!names) return fail(errc::configuration, names.error().message);
        std::string found;
        for (const auto& name : names->value_or(std::vector<std::string>{})) {
            const auto file = files.read_named(directory + '/' + name, limit);
            // A directory or a device is none of them; a file that cannot be read may be the one that is needed.
            if (!file && file.error().code != errc::bad_data) return fail(errc::configuration, file.error().message);
            if (file && *file) found += pem_certificates((*file)->bytes);
        }
        if (!found.empty()) return found;
        return fail(errc::configuration, "no file in " + quoted(directory) + " holds a certificate in PEM form");
    }

    /// Makes a connection object; the socket comes with the first request.
    [[nodiscard]] auto connect(company with) const -> std::shared_ptr<detail::httplib_connection> {
        auto made = std::make_shared<detail::httplib_connection>();
        made->server_name = where_.host;
        if (!make_bounded(*made, with)) make_unbounded(*made);
        auto& client = *made->client;
        detail::keep_targets_as_they_are(client);
        client.set_keep_alive(true);
        client.set_follow_location(false);
        client.set_decompress(false);
        client.set_tcp_nodelay(true);
        client.set_socket_options([watcher = made.get()](int socket) { watcher->watch(socket); });
        return made;
    }

    void make_unbounded(detail::httplib_connection& made) const {
        if (where_.scheme == address_scheme::unix_socket) {
            made.client = std::make_unique<httplib::ClientImpl>(where_.path, 80);
            made.client->set_address_family(AF_UNIX);
        } else if (where_.scheme == address_scheme::http) {
            made.client = std::make_unique<httplib::ClientImpl>(where_.host, where_.port);
        } else {
#if defined(CPPHTTPLIB_OPENSSL_SUPPORT) || defined(CPPHTTPLIB_SSL_ENABLED)
            if (!options_.tls_server_name.empty()) {
                made.lookup = where_.host;
                made.server_name = options_.tls_server_name;
            }
            auto client = std::make_unique<httplib::SSLClient>(made.server_name, where_.port, options_.client_cert,
                                                               options_.client_key);
            if (options_.verify) {
                made.trust.name = made.server_name;
                made.trust.ca_file = authorities_.empty() ? options_.ca_file : made.hold(authorities_);
                detail::trust_only(*client, made.trust);
            } else {
                client->enable_server_certificate_verification(false);
            }
            made.client = std::move(client);
#endif
        }
    }

    /// Makes a client that keeps its deadline by itself; false if there can be none.
    [[nodiscard]] auto make_bounded(detail::httplib_connection& made, company with) const -> bool {
        if constexpr (detail::can_be_bounded<httplib::ClientImpl, httplib::Stream>) {
            if (where_.scheme == address_scheme::https) return false;
            const auto to = detail::known_address(where_);
            if (!to && where_.scheme == address_scheme::unix_socket) return false;
            using client = detail::bounded_client<httplib::ClientImpl, httplib::Stream>;
            auto bounded = std::make_unique<client>(where_, to);
            made.bounded = &bounded->limits;
            made.here = to && with == company::alone;
            made.client = std::move(bounded);
            return true;
        }
        return false;
    }

    [[nodiscard]] auto prepare(const http_request& request, std::shared_ptr<detail::httplib_connection> connection,
                               std::shared_ptr<detail::httplib_board> board) const {
        auto job = std::make_shared<detail::httplib_exchange>();
        job->request.method = to_string(request.method);
        job->request.path = scoped_target(request.target, options_);
        job->request.body = request.body;
        if (!request.body.empty()) job->request.headers.emplace("Content-Type", "application/json");
        if (!options_.token.empty()) job->request.headers.emplace("X-Consul-Token", options_.token);
        if (auto value = authorization(options_); !value.empty()) {
            job->request.headers.emplace("Authorization", std::move(value));
        }
        if (where_.scheme == address_scheme::unix_socket) job->request.headers.emplace("Host", "localhost");
        auto* const raw = job.get();
        job->request.response_handler = [raw](const httplib::Response& head) { return raw->take_headers(head); };
        job->request.content_receiver = [raw](const char* data, std::size_t size, auto, auto) {
            return raw->take_body(data, size);
        };
        job->max_body = options_.max_body;
        job->deadline = detail::steady::now() + detail::in_chrono(request.timeout);
        connection->begin();
        if (connection->bounded != nullptr) {
            auto& limits = *connection->bounded;
            limits.deadline = job->deadline;
            limits.connect_by =
                detail::steady::now() + detail::in_chrono(shorter(options_.connect_timeout, request.timeout));
            limits.body_follows = !request.body.empty();
        }
        auto& client = *connection->client;
        client.set_connection_timeout(detail::in_chrono(shorter(options_.connect_timeout, request.timeout)));
        // Longer than what is left: the deadline is kept by wait_for, and by it alone.
        client.set_read_timeout(detail::in_chrono(request.timeout + seconds(1)));
        client.set_write_timeout(detail::in_chrono(request.timeout + seconds(1)));
        job->connection = std::move(connection);
        job->board = std::move(board);
        return job;
    }

    [[nodiscard]] auto exchange(std::span<const http_request> requests,
                                std::span<const std::shared_ptr<detail::httplib_connection>> connections) const
        -> std::vector<answer> {
        const auto board = std::make_shared<detail::httplib_board>();
        std::vector<std::shared_ptr<detail::httplib_exchange>> jobs;
        detail::started_threads threads;
        std::vector<std::string> refused(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i) {
            jobs.push_back(prepare(requests[i], connections[i], board));
            threads.all.emplace_back();
            if (!well_formed(requests[i].target)) {
                refused[i] = "the request for " + quoted(requests[i].target) + " is not percent-encoded";
            } else if (connections[i]->here) {
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

    /// What the end of an exchange means. An abandoned one still belongs to its thread: only `request` may be read.
    [[nodiscard]] auto judged(const http_request& request, detail::httplib_exchange& job, bool abandoned) const
        -> answer {
        using cause = detail::httplib_exchange::cause;
        using problem = httplib::Error;
        const std::string asked = "the request for " + one_line(request.target, 200);
        const auto late = [&] {
            // Without the time: what was left of it differs from call to call, and a check prints this text.
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
                                                 std::to_string(detail::bounds::header_limit) +
                                                 " bytes that are taken; is this its HTTP port?")};
            case cause::overlong:
                return {fail(errc::bad_data, name_ + " answers " + asked + " with a line of more than the " +
                                                 std::to_string(detail::bounds::line_limit) +
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
        const bool reused = job.connection->sockets() == 0;
        const auto unreached = [&](std::string_view why) {
            return answer{fail(errc::unavailable, "cannot reach " + name_ + ": " + std::string{why})};
        };
        if (tls && !job.connection->client->is_valid()) {
            return unreached("the client certificate and its key cannot be used any longer; are the files there?");
        }
        const auto distrusted = [&] {
            const std::string& why = job.connection->trust.complaint;
            return unreached("its certificate is not for " + quoted(job.connection->server_name) +
                             " or not from a known authority" + (why.empty() ? "" : " (" + why + ')') +
                             "; set the CA file, and the TLS server name if the certificate has another one");
        };
        if (!job.connection->trust.complaint.empty()) return distrusted();
        switch (job.error) {
            case problem::Connection:
                if (job.connection->sockets() == 0) {
                    return unreached("the host name has no address; check the address");
                }
                return unreached(connect_failure(job.system_error));
            case problem::ConnectionTimeout:
                return unreached("no connection in time; is the address right and the agent running?");
            case problem::SSLConnection: return unreached("the TLS handshake failed; is this its HTTPS port?");
            case problem::SSLLoadingCerts:
                return unreached("the certificate authorities cannot be loaded; check the CA file or path");
            case problem::Read:
            case problem::Write:
            case problem::Canceled:
            case problem::Unknown: break;
            default:
                if (!tls) break;
                return distrusted();
        }
        const auto* const bounded = job.connection->bounded;
        // The version is that of a status line that could be read. Of a header that is too long httplib has read more.
        const bool cut_off = bounded != nullptr ? bounded->speaks_http && bounded->ended
                                                : !job.response.version.empty() &&
                                                      job.connection->received() <= detail::bounds::line_limit;
        if (job.answered || cut_off) {
            return {fail(errc::unavailable, name_ + " broke off its answer to " + asked + "; try again")};
        }
        if (bounded != nullptr ? bounded->received > 0 : !tls && job.connection->received() > 1) {
            return {fail(errc::bad_data, "what answers as " + name_ + " does not speak HTTP; is this its HTTP port?"),
                    reused};
        }
        return {fail(errc::unavailable,
                     name_ + " closed the connection without an answer to " + asked +
                         (tls ? "; if it asks for a client certificate, set one and its key" : "; try again")),
                reused};
    }

    /// A TCP connection's reason mostly comes later than connect(), and httplib keeps it to itself. On the loopback
    /// only one is possible.
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
    std::string authorities_{};  ///< of ca_path, in PEM form; empty: ca_file or the system's
    std::shared_ptr<detail::httplib_connection> kept_{};
};

static_assert(parallel_http_transport<httplib_transport>);

}  // namespace powerconsul::inline v0
