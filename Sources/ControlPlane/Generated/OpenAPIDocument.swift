// Made by scripts/generate_openapi.py from docs/openapi.json.

/// The description of the admin API (OpenAPI 3.1), served at `/openapi.json`.
package enum OpenAPIDocument {
    package static let text = #"""
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Sluice admin API",
            "version": "1.0.0",
            "license": {
              "name": "Apache-2.0",
              "identifier": "Apache-2.0"
            },
            "description": "Changes the active color of a Sluice proxy and tells how things stand. Every answer but `/metrics` is JSON. A request has no body: parameters go into the query, and one that is unknown, repeated or malformed is a 400. Any other path is a 404, any other method a 405 with `Allow`. `HEAD` is served wherever `GET` is. A field that has no value is left out."
          },
          "servers": [
            {
              "url": "http://127.0.0.1:9901"
            }
          ],
          "security": [
            {
              "token": []
            }
          ],
          "tags": [
            {
              "name": "changes",
              "description": "Change the active color"
            },
            {
              "name": "views",
              "description": "How things stand"
            },
            {
              "name": "probes",
              "description": "Answer without a token"
            }
          ],
          "paths": {
            "/switch": {
              "post": {
                "operationId": "switch",
                "summary": "Make a color active",
                "description": "Makes the color named by `to` active, or the other one where there is no `to`. Every call that begins after the answer goes to it; calls in flight stay where they began, until they end or their `drain` is over. Switching to the active color changes nothing.",
                "tags": [
                  "changes"
                ],
                "parameters": [
                  {
                    "name": "to",
                    "in": "query",
                    "description": "The color to make active.",
                    "schema": {
                      "$ref": "#/components/schemas/Color"
                    }
                  },
                  {
                    "name": "force",
                    "in": "query",
                    "description": "`true` passes over the health of the color; needs `reason`, and is recorded as forced.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "Kept in history and audit log; without control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "drain",
                    "in": "query",
                    "description": "What the calls in flight on the old color are given to end by themselves, from `0s` to `24h`, or `off` for ever; `--drain-timeout` where it is not given. Those that are left then are ended with UNAVAILABLE, spread over a window.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(off|0|[0-9]{1,4}s|[0-9]{1,6}ms|[0-9]{1,3}m)$",
                      "example": "60s"
                    }
                  },
                  {
                    "name": "wait",
                    "in": "query",
                    "description": "Answers only once the old color has no calls left, or `timeout` is over. Not with `dry_run`.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "drained"
                      ]
                    }
                  },
                  {
                    "name": "timeout",
                    "in": "query",
                    "description": "How long to wait, from `0s` to `1h`; 30 s where it is not given. Only with `wait`.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(0|[0-9]{1,3}s|[0-9]{1,5}ms|[0-5]?[0-9]m)$",
                      "example": "30s"
                    }
                  },
                  {
                    "name": "dry_run",
                    "in": "query",
                    "description": "`true` decides and answers as for the real request, and changes nothing.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is one of these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "Done; or nothing had to be done (`changed` is false).",
                    "headers": {
                      "ETag": {
                        "description": "The epoch, in quotes; good for If-Match.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "202": {
                    "description": "Done, but calls were still in flight on the old color when `timeout` was over.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch, in quotes; good for If-Match.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "Refused: the color is not healthy, with the failing checks; or there is nothing to roll back to.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused: the new state could not be saved, or another process is taking over at this very moment, so nothing was changed.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/rollback": {
              "post": {
                "operationId": "rollback",
                "summary": "Go back",
                "description": "Makes the color before the last change active again.",
                "tags": [
                  "changes"
                ],
                "parameters": [
                  {
                    "name": "force",
                    "in": "query",
                    "description": "`true` passes over the health of the color; needs `reason`, and is recorded as forced.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "Kept in history and audit log; without control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  },
                  {
                    "name": "drain",
                    "in": "query",
                    "description": "What the calls in flight on the old color are given to end by themselves, from `0s` to `24h`, or `off` for ever; `--drain-timeout` where it is not given. Those that are left then are ended with UNAVAILABLE, spread over a window.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(off|0|[0-9]{1,4}s|[0-9]{1,6}ms|[0-9]{1,3}m)$",
                      "example": "60s"
                    }
                  },
                  {
                    "name": "wait",
                    "in": "query",
                    "description": "Answers only once the old color has no calls left, or `timeout` is over. Not with `dry_run`.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "drained"
                      ]
                    }
                  },
                  {
                    "name": "timeout",
                    "in": "query",
                    "description": "How long to wait, from `0s` to `1h`; 30 s where it is not given. Only with `wait`.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(0|[0-9]{1,3}s|[0-9]{1,5}ms|[0-5]?[0-9]m)$",
                      "example": "30s"
                    }
                  },
                  {
                    "name": "dry_run",
                    "in": "query",
                    "description": "`true` decides and answers as for the real request, and changes nothing.",
                    "schema": {
                      "type": "string",
                      "enum": [
                        "true",
                        "false"
                      ]
                    }
                  },
                  {
                    "name": "If-Match",
                    "in": "header",
                    "description": "The change is made only if the epoch is one of these: `7`, `\"7\"`, `\"7\", \"8\"`, or `*` for any.",
                    "schema": {
                      "type": "string",
                      "pattern": "^(\\*|\"?[0-9]{1,18}\"?)$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "Done; or nothing had to be done (`changed` is false).",
                    "headers": {
                      "ETag": {
                        "description": "The epoch, in quotes; good for If-Match.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "202": {
                    "description": "Done, but calls were still in flight on the old color when `timeout` was over.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch, in quotes; good for If-Match.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Receipt"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "Refused: the color is not healthy, with the failing checks; or there is nothing to roll back to.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "412": {
                    "description": "Refused: the epoch is not one of those in `If-Match`.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused: the new state could not be saved, or another process is taking over at this very moment, so nothing was changed.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/drain/cancel": {
              "post": {
                "operationId": "cancelDrain",
                "summary": "Stop a drain",
                "description": "Lets the calls go on that a change has left behind on the old color and that have not been ended yet.",
                "tags": [
                  "changes"
                ],
                "parameters": [
                  {
                    "name": "reason",
                    "in": "query",
                    "description": "Kept in the audit log; without control characters.",
                    "schema": {
                      "type": "string",
                      "maxLength": 500,
                      "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$"
                    }
                  }
                ],
                "responses": {
                  "200": {
                    "description": "Stopped.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/CancelledDrain"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "409": {
                    "description": "No drain is under way.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Refused: another process is taking over at this very moment, so nothing was changed.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                }
              }
            },
            "/status": {
              "get": {
                "operationId": "status",
                "summary": "How things stand",
                "description": "The active color, the health of both, and calls in flight.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "The status.",
                    "headers": {
                      "ETag": {
                        "description": "The epoch, in quotes; good for If-Match.",
                        "schema": {
                          "type": "string",
                          "pattern": "^\"[0-9]+\"$"
                        }
                      }
                    },
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Status"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                }
              }
            },
            "/history": {
              "get": {
                "operationId": "history",
                "summary": "The last changes",
                "description": "The last changes, the newest first; at most 50 are kept.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "The changes.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/History"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                },
                "parameters": [
                  {
                    "name": "limit",
                    "in": "query",
                    "description": "At most so many.",
                    "schema": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 50
                    }
                  }
                ]
              }
            },
            "/metrics": {
              "get": {
                "operationId": "metrics",
                "summary": "Metrics for Prometheus",
                "description": "Prometheus' text format, version 0.0.4.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "The metrics.",
                    "content": {
                      "text/plain": {
                        "schema": {
                          "type": "string"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                }
              }
            },
            "/healthz": {
              "get": {
                "operationId": "healthz",
                "summary": "The process lives",
                "description": "For a liveness probe.",
                "tags": [
                  "probes"
                ],
                "responses": {
                  "200": {
                    "description": "It lives.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Alive"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  }
                },
                "security": []
              }
            },
            "/readyz": {
              "get": {
                "operationId": "readyz",
                "summary": "Calls can be taken",
                "description": "For a readiness probe: the active color is healthy, or the other one takes its calls (`failover`), and the process is not shutting down.",
                "tags": [
                  "probes"
                ],
                "responses": {
                  "200": {
                    "description": "It is ready.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Ready"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "description": "Not ready, and why.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "$ref": "#/components/schemas/Error"
                        }
                      }
                    }
                  }
                },
                "security": []
              }
            },
            "/openapi.json": {
              "get": {
                "operationId": "openapi",
                "summary": "This document",
                "description": "The description of this API.",
                "tags": [
                  "views"
                ],
                "responses": {
                  "200": {
                    "description": "An OpenAPI 3.1 document.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "type": "object"
                        }
                      }
                    }
                  },
                  "400": {
                    "$ref": "#/components/responses/BadRequest"
                  },
                  "401": {
                    "$ref": "#/components/responses/Unauthorized"
                  },
                  "403": {
                    "$ref": "#/components/responses/Forbidden"
                  },
                  "408": {
                    "$ref": "#/components/responses/Late"
                  },
                  "413": {
                    "$ref": "#/components/responses/TooLarge"
                  },
                  "431": {
                    "$ref": "#/components/responses/HeadTooLarge"
                  },
                  "503": {
                    "$ref": "#/components/responses/Busy"
                  }
                }
              }
            }
          },
          "components": {
            "securitySchemes": {
              "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The content of `--admin-token-file`. Without that setting the API listens on the loopback alone and needs no token."
              }
            },
            "responses": {
              "BadRequest": {
                "description": "A parameter or header is unknown, repeated, malformed or does not fit the others, or the request has a body.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Unauthorized": {
                "description": "The token is missing or wrong.",
                "headers": {
                  "WWW-Authenticate": {
                    "schema": {
                      "type": "string"
                    }
                  }
                },
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Forbidden": {
                "description": "A web page of another origin asks; or, where no token is set, the host is neither an address nor localhost.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "TooLarge": {
                "description": "The request has a body of more than 64 KiB.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Late": {
                "description": "The request has not come whole within 5 s. The connection closes.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "HeadTooLarge": {
                "description": "The request's head has more than 16 KiB or 100 fields. The connection closes.",
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              },
              "Busy": {
                "description": "Every connection is taken by requests that are being answered; there are places for `/healthz` and `/readyz` alone. The connection closes.",
                "headers": {
                  "Retry-After": {
                    "schema": {
                      "type": "integer"
                    }
                  }
                },
                "content": {
                  "application/json": {
                    "schema": {
                      "$ref": "#/components/schemas/Error"
                    }
                  }
                }
              }
            },
            "schemas": {
              "Color": {
                "type": "string",
                "enum": [
                  "blue",
                  "green"
                ]
              },
              "Time": {
                "type": "string",
                "format": "date-time",
                "description": "UTC, to the millisecond.",
                "example": "2026-11-23T10:15:30.042Z"
              },
              "Health": {
                "type": "string",
                "enum": [
                  "unknown",
                  "healthy",
                  "unhealthy"
                ],
                "description": "`unknown` until the first check has ended."
              },
              "EndpointHealth": {
                "type": "object",
                "properties": {
                  "endpoint": {
                    "type": "string",
                    "description": "HOST:PORT"
                  },
                  "state": {
                    "$ref": "#/components/schemas/Health"
                  },
                  "since": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "last_check": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "latency_ms": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Of the slowest check of the last round."
                  },
                  "last_error": {
                    "type": "string",
                    "description": "The newest failure; kept after a recovery."
                  },
                  "last_error_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "consecutive_passes": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "consecutive_failures": {
                    "type": "integer",
                    "minimum": 0
                  }
                },
                "required": [
                  "endpoint",
                  "state",
                  "since",
                  "consecutive_passes",
                  "consecutive_failures"
                ],
                "additionalProperties": false
              },
              "ColorHealth": {
                "type": "object",
                "properties": {
                  "color": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "state": {
                    "$ref": "#/components/schemas/Health"
                  },
                  "endpoints": {
                    "type": "array",
                    "items": {
                      "$ref": "#/components/schemas/EndpointHealth"
                    }
                  }
                },
                "required": [
                  "color",
                  "endpoints",
                  "state"
                ],
                "additionalProperties": false
              },
              "Drain": {
                "type": "object",
                "properties": {
                  "color": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 2,
                    "description": "The number of the change: calls that began before it are meant."
                  },
                  "state": {
                    "type": "string",
                    "enum": [
                      "waiting",
                      "ending"
                    ],
                    "description": "`ending` once the time is up and calls are being ended."
                  },
                  "started_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "timeout": {
                    "type": "string",
                    "description": "What the calls were given to end by themselves.",
                    "example": "1m"
                  },
                  "deadline": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "ends_by": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "seconds_left": {
                    "type": "number",
                    "minimum": 0,
                    "description": "Until the first call is ended."
                  },
                  "calls_left": {
                    "type": "integer",
                    "minimum": 0
                  }
                },
                "required": [
                  "color",
                  "epoch",
                  "state",
                  "started_at",
                  "timeout",
                  "deadline",
                  "seconds_left",
                  "calls_left"
                ],
                "additionalProperties": false,
                "description": "The drain of the color that is no longer active. `ends_by` is there while calls are being ended: when the last one will have been."
              },
              "CancelledDrain": {
                "type": "object",
                "properties": {
                  "audit_error": {
                    "type": "string",
                    "description": "Why the audit log lacks this; the drain is stopped all the same."
                  },
                  "calls_left": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Calls that go on."
                  },
                  "cancelled": {
                    "const": true
                  },
                  "color": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 2
                  },
                  "who": {
                    "type": "string"
                  }
                },
                "required": [
                  "calls_left",
                  "cancelled",
                  "color",
                  "epoch",
                  "who"
                ],
                "additionalProperties": false
              },
              "Failover": {
                "type": "object",
                "properties": {
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "since": {
                    "$ref": "#/components/schemas/Time"
                  }
                },
                "required": [
                  "since",
                  "to"
                ],
                "additionalProperties": false,
                "description": "New calls go to this color, as no endpoint of the active one is healthy."
              },
              "Receipt": {
                "type": "object",
                "properties": {
                  "action": {
                    "type": "string",
                    "enum": [
                      "switch",
                      "rollback"
                    ]
                  },
                  "at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "audit_error": {
                    "type": "string",
                    "description": "Why the audit log lacks this change; the change is made all the same."
                  },
                  "changed": {
                    "type": "boolean"
                  },
                  "drain": {
                    "$ref": "#/components/schemas/Drain"
                  },
                  "drained": {
                    "type": "boolean",
                    "description": "Only with `wait`."
                  },
                  "dry_run": {
                    "type": "boolean",
                    "description": "Only where a trial would have changed something."
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "forced": {
                    "type": "boolean"
                  },
                  "from": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "health": {
                    "$ref": "#/components/schemas/ColorHealth"
                  },
                  "in_flight": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Calls left on the color that is no longer active."
                  },
                  "processes_not_answering": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Processes that were taken over from, may have such calls and don't answer."
                  },
                  "reason": {
                    "type": "string"
                  },
                  "who": {
                    "type": "string",
                    "description": "The token's name or the peer's address."
                  }
                },
                "required": [
                  "action",
                  "at",
                  "changed",
                  "epoch",
                  "forced",
                  "from",
                  "to",
                  "health",
                  "in_flight",
                  "who"
                ],
                "additionalProperties": false,
                "description": "What a change came to."
              },
              "Change": {
                "type": "object",
                "properties": {
                  "action": {
                    "type": "string",
                    "enum": [
                      "initial",
                      "switch",
                      "rollback"
                    ]
                  },
                  "at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "forced": {
                    "type": "boolean"
                  },
                  "from": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "to": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "reason": {
                    "type": "string"
                  },
                  "who": {
                    "type": "string"
                  }
                },
                "required": [
                  "action",
                  "at",
                  "epoch",
                  "forced",
                  "to",
                  "who"
                ],
                "additionalProperties": false
              },
              "History": {
                "type": "object",
                "properties": {
                  "changes": {
                    "type": "array",
                    "items": {
                      "$ref": "#/components/schemas/Change"
                    },
                    "minItems": 1,
                    "maxItems": 50
                  }
                },
                "required": [
                  "changes"
                ],
                "additionalProperties": false
              },
              "Status": {
                "type": "object",
                "properties": {
                  "active": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "previous": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "since": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "forced": {
                    "type": "boolean"
                  },
                  "reason": {
                    "type": "string"
                  },
                  "who": {
                    "type": "string"
                  },
                  "version": {
                    "type": "string"
                  },
                  "started_at": {
                    "$ref": "#/components/schemas/Time"
                  },
                  "stopping": {
                    "type": "boolean"
                  },
                  "drain": {
                    "$ref": "#/components/schemas/Drain"
                  },
                  "failover": {
                    "$ref": "#/components/schemas/Failover"
                  },
                  "colors": {
                    "type": "object",
                    "properties": {
                      "blue": {
                        "$ref": "#/components/schemas/ColorStatus"
                      },
                      "green": {
                        "$ref": "#/components/schemas/ColorStatus"
                      }
                    },
                    "required": [
                      "blue",
                      "green"
                    ],
                    "additionalProperties": false
                  },
                  "in_flight": {
                    "type": "array",
                    "description": "Calls that have not ended, by the epoch they began in.",
                    "items": {
                      "type": "object",
                      "properties": {
                        "epoch": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "color": {
                          "$ref": "#/components/schemas/Color"
                        },
                        "calls": {
                          "type": "integer",
                          "minimum": 0
                        }
                      },
                      "required": [
                        "calls",
                        "color",
                        "epoch"
                      ],
                      "additionalProperties": false
                    }
                  },
                  "processes_not_answering": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "Processes that were taken over from and don't answer; their calls are counted as they said last."
                  },
                  "workers": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "properties": {
                        "accepted_connections": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "calls_in_flight": {
                          "type": "integer",
                          "minimum": 0
                        },
                        "client_connections": {
                          "type": "integer",
                          "minimum": 0
                        }
                      },
                      "required": [
                        "accepted_connections",
                        "calls_in_flight",
                        "client_connections"
                      ],
                      "additionalProperties": false
                    }
                  },
                  "clients": {
                    "type": "object",
                    "properties": {
                      "largest_peer": {
                        "type": "string"
                      },
                      "largest_peer_connections": {
                        "type": "integer",
                        "minimum": 1
                      },
                      "peers": {
                        "type": "integer",
                        "minimum": 0
                      }
                    },
                    "required": [
                      "peers"
                    ],
                    "additionalProperties": false
                  }
                },
                "required": [
                  "active",
                  "epoch",
                  "since",
                  "forced",
                  "who",
                  "version",
                  "started_at",
                  "stopping",
                  "colors",
                  "in_flight",
                  "workers",
                  "clients"
                ],
                "additionalProperties": false
              },
              "ColorStatus": {
                "type": "object",
                "properties": {
                  "active": {
                    "type": "boolean"
                  },
                  "state": {
                    "$ref": "#/components/schemas/Health"
                  },
                  "in_flight": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "calls": {
                    "type": "object",
                    "properties": {
                      "started": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "finished": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "failed_by_proxy": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "retried": {
                        "type": "integer",
                        "minimum": 0
                      },
                      "grpc_codes": {
                        "type": "object",
                        "description": "Ended gRPC calls by status, without those that never occurred.",
                        "additionalProperties": {
                          "type": "integer",
                          "minimum": 1
                        }
                      }
                    },
                    "required": [
                      "failed_by_proxy",
                      "finished",
                      "grpc_codes",
                      "retried",
                      "started"
                    ],
                    "additionalProperties": false
                  },
                  "bytes_up": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "bytes_down": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "upstream_connections": {
                    "type": "integer",
                    "minimum": 0
                  },
                  "endpoints": {
                    "type": "array",
                    "items": {
                      "$ref": "#/components/schemas/EndpointHealth"
                    },
                    "minItems": 1
                  }
                },
                "required": [
                  "active",
                  "bytes_down",
                  "bytes_up",
                  "calls",
                  "endpoints",
                  "in_flight",
                  "state",
                  "upstream_connections"
                ],
                "additionalProperties": false
              },
              "Alive": {
                "type": "object",
                "properties": {
                  "status": {
                    "const": "ok"
                  }
                },
                "required": [
                  "status"
                ],
                "additionalProperties": false
              },
              "Ready": {
                "type": "object",
                "properties": {
                  "status": {
                    "const": "ready"
                  },
                  "active": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "failover": {
                    "$ref": "#/components/schemas/Color"
                  }
                },
                "required": [
                  "active",
                  "epoch",
                  "status"
                ],
                "additionalProperties": false
              },
              "Error": {
                "type": "object",
                "properties": {
                  "error": {
                    "type": "string"
                  },
                  "active": {
                    "$ref": "#/components/schemas/Color"
                  },
                  "epoch": {
                    "type": "integer",
                    "minimum": 1
                  },
                  "health": {
                    "$ref": "#/components/schemas/ColorHealth"
                  }
                },
                "required": [
                  "error"
                ],
                "additionalProperties": false,
                "description": "What went wrong, in a sentence; and where it stands, for a change that was refused."
              }
            }
          }
        }

        """#
}
