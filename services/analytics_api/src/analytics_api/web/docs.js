// Swagger UI over this server's own OpenAPI document; its validator, on another host, stays unasked.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#routes",
  deepLinking: true,
  validatorUrl: null,
  defaultModelsExpandDepth: 0,
});
