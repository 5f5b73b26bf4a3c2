"use strict";

// Swagger UI on the schema of this server. A file of its own, because inline scripts are not allowed.
const place = document.getElementById("swagger-ui");

// In the colours of the other pages: those chosen, else those of the system.
const system = matchMedia("(prefers-color-scheme: dark)");
function paint() {
  const theme = document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
  document.documentElement.classList.toggle("dark-mode", theme === "dark");
}
system.addEventListener("change", paint);
paint();

SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  requestInterceptor: (request) => {
    // Somebody who is signed in in this browser may try requests with the session.
    if (!["GET", "HEAD"].includes(request.method) && !request.headers.Authorization) {
      request.headers["X-CSRFToken"] = place.dataset.csrf;
    }
    return request;
  },
});
