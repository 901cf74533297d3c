#pragma once

/// Names of the types that embedders mention in their own headers. The templates over policies are not here: they are
/// constrained by the concepts of transport.hpp, executor.hpp, files.hpp and clock.hpp, which must be seen first.
namespace powerconsul::inline v0 {

struct error;
template <typename T>
class result;

struct milliseconds;
struct identity;
struct cluster_document;
struct placement;
struct instance;
struct resolver_options;
struct resolution;
struct observed;
struct check_report;
struct settings;

struct http_request;
struct http_response;
struct command;
struct outcome;
struct file_status;

struct incident;
struct journal;
struct attempt;
struct retry_rules;
struct action;
struct substitution;
struct trigger_options;
struct watch_options;
struct handled_service;
struct snapshot_check;
struct job;
struct job_outcome;
struct process_mark;
struct event;

enum class role : unsigned char;
enum class actives : unsigned char;
enum class expectation : unsigned char;
enum class observation : unsigned char;
enum class verdict : unsigned char;
enum class bad_state : unsigned char;
enum class healing : unsigned char;

}  // namespace powerconsul::inline v0
